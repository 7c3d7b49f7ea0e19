// Measures the in-memory ceiling of pipeline.ts: JPEG bytes -> sharp -> tensor -> session -> argmax, without code of imgcls.
// The parent forks this file once per core. Each process takes every n-th photograph, sends `ready`, and then does the
// requested number of images.
import { readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-node';
import sharp from 'sharp';

interface Work {
  model: string;
  inputName: string;
  mean: number[];
  std: number[];
  files: string[];
}

const BATCH = 8;
const SIDE = 224;
const PLANE = SIDE * SIDE;

const { model, inputName, mean, std, files } = JSON.parse(
  readFileSync(process.argv[2] ?? '', 'utf8'),
) as Work;
sharp.cache(false);
sharp.concurrency(1);
const images = files.map((file) => readFileSync(file));
const tables = mean.map((m, c) =>
  Float32Array.from({ length: 256 }, (_, v) => (v / 255 - m) / (std[c] ?? 1)),
);
const [red = new Float32Array(), green = red, blue = red] = tables;
const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1 });

let next = 0;
const decode = () =>
  sharp(images[next++ % images.length])
    .rotate()
    .toColourspace('srgb')
    .removeAlpha()
    .resize(256, 256, { fit: 'cover', kernel: 'linear' })
    .extract({ left: 16, top: 16, width: SIDE, height: SIDE })
    .raw()
    .toBuffer();
const decodeBatch = () => Promise.all(Array.from({ length: BATCH }, decode));

async function infer(batch: Buffer[]): Promise<void> {
  const input = new Float32Array(BATCH * 3 * PLANE);
  for (const [k, pixels] of batch.entries()) {
    const at = k * 3 * PLANE;
    for (let i = 0, j = 0; i < PLANE; i++, j += 3) {
      input[at + i] = red[pixels[j] ?? 0] ?? 0;
      input[at + PLANE + i] = green[pixels[j + 1] ?? 0] ?? 0;
      input[at + 2 * PLANE + i] = blue[pixels[j + 2] ?? 0] ?? 0;
    }
  }
  const tensor = new ort.Tensor('float32', input, [BATCH, 3, SIDE, SIDE]);
  const output = await session.run({ [inputName]: tensor });
  const logits = Object.values(output)[0]?.data as Float32Array;
  for (let k = 0; k < BATCH; k++) logits.subarray(k * 1000, (k + 1) * 1000).reduce((a, b) => Math.max(a, b));
}

await infer(await decodeBatch());
process.on('message', async ({ count }: { count: number }) => {
  const startMs = performance.now();
  let following = decodeBatch();
  for (let done = 0; done < count; done += BATCH) {
    const batch = await following;
    following = decodeBatch();
    await infer(batch);
  }
  const ms = performance.now() - startMs;
  await following;
  process.send?.({ count, ms });
});
process.send?.('ready');
