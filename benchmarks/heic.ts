// Measures what a photograph of 12 megapixels costs as HEIC, in tiles as phones write it, and as JPEG: processor time and
// memory from the file to the model's pixels. Each format gets a process of its own.
//
//     npm run bench:heic
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { decodeHeic } from '../src/model/decode/heic.ts';
import {
  codedPicture,
  grid,
  type HeifItem,
  heicFile,
  heif,
  rotation,
  size,
} from '../test/heic-files/heif-writer.ts';

const [WIDTH, HEIGHT] = [4032, 3024];
const TILE = { width: 600, height: 400 };

/** Repeats a photograph, so that the file has about as many bytes as one from a phone. */
function phonePhotograph(): Buffer {
  const { data, coding } = codedPicture(heicFile('photo.heic'));
  const columns = Math.ceil(WIDTH / TILE.width);
  const rows = Math.ceil(HEIGHT / TILE.height);
  const tile: HeifItem = { type: 'hvc1', data, properties: [coding, size(TILE.width, TILE.height)] };
  const tiles = Array<HeifItem>(rows * columns).fill(tile);
  const whole: HeifItem = {
    type: 'grid',
    data: grid(rows, columns, WIDTH, HEIGHT),
    properties: [size(WIDTH, HEIGHT), rotation(3)],
    references: [['dimg', tiles.map((_, index) => index + 2)]],
  };
  return heif([whole, ...tiles]);
}

const folder = await mkdtemp(path.join(tmpdir(), 'imgcls-bench-heic-'));
const child = path.join(import.meta.dirname, 'children', 'decode-file.ts');
try {
  const heic = phonePhotograph();
  const tiff = await decodeHeic(heic, { maxPixels: WIDTH * HEIGHT, timeoutMs: 60_000 });
  const files = {
    'HEIC, 12 megapixels': heic,
    'JPEG, 12 megapixels': await sharp(tiff).jpeg({ quality: 85 }).toBuffer(),
    'JPEG, 12 megapixels, progressive': await sharp(tiff).jpeg({ quality: 85, progressive: true }).toBuffer(),
    'JPEG, 0.2 megapixels': await sharp(tiff).resize(600).jpeg().toBuffer(),
  };
  console.log('  file MB  cpu ms  wall ms  peak MB');
  for (const [name, bytes] of Object.entries(files)) {
    const file = path.join(folder, 'photograph');
    await writeFile(file, bytes);
    const { cpuMs, wallMs, peakBytes } = JSON.parse(
      execFileSync(process.execPath, [child, file], { encoding: 'utf8' }),
    );
    const cells = [
      (bytes.length / 1e6).toFixed(1),
      cpuMs.toFixed(0),
      wallMs.toFixed(0),
      (peakBytes / 1e6).toFixed(0),
    ];
    console.log(`${cells.map((cell) => cell.padStart(8)).join(' ')}  ${name}`);
  }
} finally {
  await rm(folder, { recursive: true });
}
