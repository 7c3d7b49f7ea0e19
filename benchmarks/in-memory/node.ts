// Classifies photographs that are in memory, as fast as Node can on one core: our decoder for plain JPEGs, which is the fastest known
// (docs/decisions/0042-jpeg.md), a session of one thread, batches of 8. One step after the other: threads would compete for the core.
//
//     node node.ts PHOTOGRAPHS MODEL SHARE PROCESSES
//
// Takes every PROCESSES-th photograph from SHARE on, without those that are not plain JPEGs. Prints `ready`; then, for each line of a
// number on standard input, classifies so many photographs and prints the milliseconds that they took.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import * as ort from 'onnxruntime-node';
import { makeJpegDecoder } from '../../src/model/decode/plain-jpeg/decoder.ts';

const BATCH = 8;
const MAX_PIXELS = 800_000;
const [photographs = '', model = '', share = '0', processes = '1'] = process.argv.slice(2);
const { preprocess, input } = JSON.parse(readFileSync(path.join(model, 'model.json'), 'utf8'));
const { cropSize, mean, std } = preprocess;
const plane = cropSize * cropSize;
const [red = [], green = [], blue = []] = [0, 1, 2].map((c) =>
  Float32Array.from({ length: 256 }, (_, value) => (value / 255 - mean[c]) / std[c]),
);
const decode = makeJpegDecoder({ maxPixels: MAX_PIXELS });
const images = readdirSync(photographs)
  .sort()
  .filter((_name, at) => at % Number(processes) === Number(share))
  .map((name) => readFileSync(path.join(photographs, name)))
  .filter((jpeg) => decode(jpeg, preprocess) !== undefined);
if (images.length === 0) throw new Error(`No plain JPEG in ${photographs}.`);
const session = await ort.InferenceSession.create(path.join(model, 'model.onnx'), {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
});
const data = new Float32Array(BATCH * 3 * plane);
const tensor = new ort.Tensor('float32', data, [BATCH, 3, cropSize, cropSize]);

function fill(slot: number, jpeg: Buffer | undefined): void {
  const pixels = (jpeg && decode(jpeg, preprocess)?.pixels) ?? new Uint8Array();
  const at = slot * 3 * plane;
  for (let i = 0, j = 0; i < plane; i++, j += 3) {
    data[at + i] = red[pixels[j] ?? 0] ?? 0;
    data[at + plane + i] = green[pixels[j + 1] ?? 0] ?? 0;
    data[at + 2 * plane + i] = blue[pixels[j + 2] ?? 0] ?? 0;
  }
}

async function classify(count: number): Promise<void> {
  for (let at = 0; at < count; at += BATCH) {
    for (let slot = 0; slot < BATCH; slot++) fill(slot, images[(at + slot) % images.length]);
    const [scores] = Object.values(await session.run({ [input.name]: tensor }));
    const rows = scores?.data as Float32Array;
    const classes = rows.length / BATCH;
    for (let slot = 0; slot < BATCH; slot++)
      rows.subarray(slot * classes, (slot + 1) * classes).reduce((a, b) => Math.max(a, b));
  }
}

await classify(BATCH);
console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const startMs = performance.now();
  await classify(Number(line));
  console.log(performance.now() - startMs);
}
