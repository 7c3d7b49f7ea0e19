// Measures the time from a JPEG to the model's pixels, for the program's way and for alternatives.
// One image at a time, so that wall time is processor time. The ways alternate, several times over.
//
//     npm run bench:decode -- [--images FOLDER] [--bytes 100000] [--repeat 5]
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { makePhotographs } from '../src/bench/photographs.ts';
import { decodeImage } from '../src/model/decode/decode.ts';
import { median } from './median.ts';

const { values: flags } = parseArgs({
  options: {
    images: { type: 'string', default: path.resolve(import.meta.dirname, '..', 'samples') },
    bytes: { type: 'string', default: '100000' },
    repeat: { type: 'string', default: '5' },
  },
});
const COUNT = 100;
const recipe = { resizeShortestSide: 256, cropSize: 224, kernel: 'linear' } as const;
const limits = { maxPixels: 1e8, decodeTimeoutMs: 20_000 };
const bytes = Number(flags.bytes);
const files = await makePhotographs(path.join(tmpdir(), `imgcls-bench-decode-${bytes}`), {
  sources: flags.images,
  count: COUNT,
  bytes,
});
const photographs = await Promise.all(files.map((file) => readFile(file)));

const ways: Record<string, (jpeg: Buffer) => Promise<unknown>> = {
  'as imgcls does': (jpeg) => decodeImage(jpeg, recipe, limits),
  'decoding only, no scaling': (jpeg) => sharp(jpeg).raw().toBuffer(),
  'header only': (jpeg) => sharp(jpeg).metadata(),
  'scaled to half by the JPEG decoder (too few pixels)': (jpeg) =>
    sharp(jpeg).resize(250, 188).raw().toBuffer(),
  'scaled without a kernel': (jpeg) => decodeImage(jpeg, { ...recipe, kernel: 'nearest' }, limits),
  'cropped before scaling': async (jpeg) => {
    const { width, height } = await sharp(jpeg).metadata();
    const side = Math.round((Math.min(width, height) * 224) / 256);
    const place = { left: (width - side) >> 1, top: (height - side) >> 1, width: side, height: side };
    return await sharp(jpeg).extract(place).resize(224, 224, { kernel: 'linear' }).raw().toBuffer();
  },
};

const timesOf = new Map(Object.keys(ways).map((way) => [way, [] as number[]]));
for (let round = -1; round < Number(flags.repeat); round++) {
  for (const [way, decode] of Object.entries(ways)) {
    const startMs = performance.now();
    for (const photograph of photographs) await decode(photograph);
    if (round >= 0) timesOf.get(way)?.push((performance.now() - startMs) / COUNT);
  }
}
const base = median(timesOf.get('as imgcls does') ?? []);
for (const [way, times] of timesOf) {
  const ms = median(times);
  console.log(`${ms.toFixed(2).padStart(7)} ms  ${(ms / base).toFixed(2)}  ${way}`);
}
