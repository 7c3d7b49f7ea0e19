// Measures a model's top-1 accuracy and speed with the libraries of imgcls, sharp and onnxruntime-node.
//
//   node check.mjs MODEL_DIR PHOTO_DIR [OTHER.onnx]
//
// A photograph's file name starts with the WordNet id of its class. OTHER.onnx replaces MODEL_DIR/model.onnx.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import sharp from 'sharp';

const [modelDir, photoDir, other] = process.argv.slice(2);
if (!modelDir || !photoDir) throw new Error('usage: node check.mjs MODEL_DIR PHOTO_DIR [OTHER.onnx]');

const model = JSON.parse(await readFile(join(modelDir, 'model.json'), 'utf8'));
const labels = JSON.parse(await readFile(join(modelDir, 'labels.json'), 'utf8'));
const session = await InferenceSession.create(other ?? join(modelDir, 'model.onnx'), {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
});
const { resizeShortestSide, cropSize, kernel, mean, std } = model.preprocess;
const plane = cropSize * cropSize;

async function readPhoto(path) {
  const file = await readFile(path);
  const { autoOrient: size } = await sharp(file).metadata();
  const ratio = resizeShortestSide / Math.min(size.width, size.height);
  const width = Math.max(resizeShortestSide, Math.round(size.width * ratio));
  const height = Math.max(resizeShortestSide, Math.round(size.height * ratio));
  const bytes = await sharp(file)
    .rotate()
    .toColourspace('srgb')
    .removeAlpha()
    .resize({ width, height, fit: 'cover', kernel })
    .extract({
      left: Math.floor((width - cropSize) / 2),
      top: Math.floor((height - cropSize) / 2),
      width: cropSize,
      height: cropSize,
    })
    .raw()
    .toBuffer();
  const planes = new Float32Array(3 * plane);
  for (let i = 0; i < bytes.length; i++) {
    const channel = i % 3;
    planes[channel * plane + (i - channel) / 3] = (bytes[i] / 255 - mean[channel]) / std[channel];
  }
  return planes;
}

async function run(planes, count = 1) {
  const images = new Tensor('float32', planes, [count, 3, cropSize, cropSize]);
  const { [model.output.name]: logits } = await session.run({ [model.input.name]: images });
  return logits.data;
}

const names = (await readdir(photoDir)).filter((name) => /\.jpe?g$/i.test(name)).sort();
const photos = await Promise.all(names.map((name) => readPhoto(join(photoDir, name))));
let right = 0;
for (const [index, planes] of photos.entries()) {
  const logits = await run(planes);
  const best = labels[logits.indexOf(Math.max(...logits))];
  if (names[index].startsWith(`${best.wnid}_`)) right += 1;
}
console.log(`top-1 right: ${right} of ${names.length}`);

for (const batch of [1, 8]) {
  const planes = new Float32Array(batch * 3 * plane);
  for (let i = 0; i < batch; i++) planes.set(photos[i % photos.length], i * 3 * plane);
  await run(planes, batch);
  const start = performance.now();
  let images = 0;
  while (performance.now() - start < 3000) {
    await run(planes, batch);
    images += batch;
  }
  console.log(
    `batch ${batch}: ${((images * 1000) / (performance.now() - start)).toFixed(0)} images/s on one thread`,
  );
}
