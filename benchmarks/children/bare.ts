// The script to compare with in cold.ts, as a careful user would write it for 20 photographs and a model: import, load, decode,
// classify, in one process with the runtime's defaults. With `sessions` it only loads that many, one thread each, as a worker
// does.
//
//     node bare.ts '{ "model": FILE, "folder": DIR, "count": N, "mean": [...], "std": [...] }' | { "model": FILE, "sessions": N }
const startMs = performance.now();
const [{ readdirSync, readFileSync }, ort, { default: sharp }] = await Promise.all([
  import('node:fs'),
  import('onnxruntime-node'),
  import('sharp'),
]);
interface Task {
  model: string;
  folder: string;
  count: number;
  mean: number[];
  std: number[];
  sessions?: number;
}
const { model, folder, count, mean, std, sessions }: Task = JSON.parse(process.argv[2] ?? '{}');
const SIDE = 224;
const PLANE = SIDE * SIDE;
const BATCH = 8;

if (sessions !== undefined) {
  const options = { intraOpNumThreads: 1, interOpNumThreads: 1 };
  await Promise.all(Array.from({ length: sessions }, () => ort.InferenceSession.create(model, options)));
  report({ readyMs: performance.now() - startMs });
} else {
  const session = await ort.InferenceSession.create(model);
  const loadedMs = performance.now();
  const files = readdirSync(folder).sort().slice(0, count);
  // All at once, in threads: the next batch is decoded while the model runs.
  const decoded = files.map((name) => decode(`${folder}/${name}`));
  for (let at = 0; at < files.length; at += BATCH) await classify(session, decoded.slice(at, at + BATCH));
  report({ imagesMs: performance.now() - loadedMs });
}

async function classify(
  session: import('onnxruntime-node').InferenceSession,
  decoding: Promise<Buffer>[],
): Promise<void> {
  const images = await Promise.all(decoding);
  const input = new Float32Array(decoding.length * 3 * PLANE);
  for (const [k, pixels] of images.entries())
    for (let c = 0; c < 3; c++)
      for (let i = 0; i < PLANE; i++)
        input[(3 * k + c) * PLANE + i] = ((pixels[3 * i + c] ?? 0) / 255 - (mean[c] ?? 0)) / (std[c] ?? 1);
  const feeds = {
    [session.inputNames[0] ?? '']: new ort.Tensor('float32', input, [decoding.length, 3, SIDE, SIDE]),
  };
  const logits = Object.values(await session.run(feeds))[0]?.data as Float32Array;
  for (let k = 0; k < decoding.length; k++) {
    const row = logits.subarray(1000 * k, 1000 * (k + 1));
    row.indexOf(row.reduce((a, b) => Math.max(a, b)));
  }
}

function decode(file: string): Promise<Buffer> {
  return sharp(readFileSync(file))
    .rotate()
    .toColourspace('srgb')
    .removeAlpha()
    .resize(256, 256, { fit: 'cover', kernel: 'linear' })
    .extract({ left: 16, top: 16, width: SIDE, height: SIDE })
    .raw()
    .toBuffer();
}

function report(figures: Record<string, number>): void {
  console.log(JSON.stringify(figures));
}
