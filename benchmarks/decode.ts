// Measures the processor time from a JPEG to the model's tensor, for the program's way and for alternatives, of photographs of
// about 100 KB and of 12 megapixels. One image at a time; the ways alternate, several times over.
//
//     npm run bench:decode -- [--images FOLDER] [--bytes 100000] [--count 100] [--repeat 5]
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { makePhotographs } from '../src/bench/photographs.ts';
import { STANDARD_PREPROCESSING as recipe } from '../src/model/catalog.ts';
import { decodeImage } from '../src/model/decode/decode.ts';
import { decodePixels } from '../src/model/decode/pixels.ts';
import type { Target } from '../src/model/decode/placement.ts';
import { imageSourceOf } from '../src/model/decode/source.ts';
import { imageElements, makePreprocess } from '../src/model/preprocess.ts';
import { median } from './median.ts';

const samples = path.resolve(import.meta.dirname, '..', 'samples');
const { values: flags } = parseArgs({
  options: {
    /** Photographs as they are; without it they are made from those of samples/. */
    images: { type: 'string' },
    bytes: { type: 'string', default: '100000' },
    count: { type: 'string', default: '100' },
    repeat: { type: 'string', default: '5' },
  },
});
const count = Number(flags.count);
const limits = { maxPixels: 1.5e8, decodeTimeoutMs: 20_000 };
const preprocess = makePreprocess(recipe, 'NCHW');
const tensor = new Float32Array(imageElements(recipe));

type Way = (jpeg: Buffer) => Promise<unknown>;

const bySharp = (jpeg: Buffer, target: Target) =>
  decodePixels(imageSourceOf(jpeg), target, {
    strictness: 'strict',
    maxPixels: limits.maxPixels,
    timeoutMs: limits.decodeTimeoutMs,
  });

const toTensor =
  (decode: (jpeg: Buffer) => Promise<{ pixels: Uint8Array }>): Way =>
  async (jpeg) =>
    preprocess((await decode(jpeg)).pixels, tensor, 0);

const ways: Record<string, Way> = {
  'by libvips (sharp), as other images': toTensor((jpeg) => bySharp(jpeg, recipe)),
  'as imgcls does': toTensor((jpeg) => decodeImage(jpeg, recipe, limits)),
};
const parts: Record<string, Way> = {
  'as imgcls does, without the tensor': (jpeg) => decodeImage(jpeg, recipe, limits),
  'as imgcls does, kernel lanczos3': toTensor((jpeg) =>
    decodeImage(jpeg, { ...recipe, kernel: 'lanczos3' }, limits),
  ),
  'sharp, decoding only': (jpeg) => sharp(jpeg).raw().toBuffer(),
  'sharp, header only': (jpeg) => sharp(jpeg).metadata(),
};

async function photographsOf100KB(): Promise<string[]> {
  if (flags.images !== undefined) {
    const names = (await readdir(flags.images)).filter((name) => /\.jpe?g$/i.test(name)).toSorted();
    return names.slice(0, count).map((name) => path.join(flags.images as string, name));
  }
  const folder = path.join(tmpdir(), `imgcls-bench-decode-${flags.bytes}`);
  return await makePhotographs(folder, { sources: samples, count, bytes: Number(flags.bytes) });
}

async function compare(
  title: string,
  photographs: readonly Buffer[],
  compared: Record<string, Way>,
): Promise<void> {
  const timesOf = new Map(Object.keys(compared).map((way) => [way, [] as number[]]));
  for (let round = -1; round < Number(flags.repeat); round++) {
    for (const [way, decode] of Object.entries(compared)) {
      const before = process.cpuUsage();
      for (const photograph of photographs) await decode(photograph);
      const { user, system } = process.cpuUsage(before);
      if (round >= 0) timesOf.get(way)?.push((user + system) / 1000 / photographs.length);
    }
  }
  console.log(`\n${title}`);
  const base = median([...timesOf.values()][0] ?? []);
  for (const [way, times] of timesOf) {
    const ms = median(times);
    console.log(`${ms.toFixed(2).padStart(7)} ms  ${(ms / base).toFixed(2)}  ${way}`);
  }
}

const photographs = await Promise.all((await photographsOf100KB()).map((file) => readFile(file)));
await compare(`${photographs.length} photographs of about 100 KB`, photographs, { ...ways, ...parts });

const coffee = await readFile(path.join(samples, 'coffee.jpg'));
const large = await sharp(coffee).resize(4000, 3000, { fit: 'cover' }).jpeg().toBuffer();
await compare('A photograph of 12 megapixels', Array<Buffer>(10).fill(large), ways);
