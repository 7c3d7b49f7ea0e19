import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import type { Random } from '../../src/bench/random.ts';
import { oddImages, writeOddImages } from '../e2e/odd-images.ts';
import { KILLER } from './killer.ts';

const samples = path.resolve(import.meta.dirname, '../../samples');
const PHOTOGRAPHS = ['cat.jpg', 'coffee.jpg', 'mountains.jpg', 'rocket.jpg', 'tripod.png'];
const GOOD_IMAGES = 60;

/** Something to submit, and what must become of it. */
export interface Sample {
  file: string;
  /** Undefined where it must be classified. */
  code: string | undefined;
}

/** The files that runs take theirs from: different good ones, and bad ones of every kind. */
export async function writePool(folder: string): Promise<Sample[]> {
  await mkdir(folder, { recursive: true });
  const samplesWritten: Sample[] = [];
  const add = async (file: string, bytes: Buffer | string, code?: string) => {
    await writeFile(path.join(folder, file), bytes);
    samplesWritten.push({ file, code });
  };
  for (let index = 0; index < GOOD_IMAGES; index++) {
    const photograph = path.join(samples, PHOTOGRAPHS[index % PHOTOGRAPHS.length] ?? '');
    const made = sharp(photograph)
      .resize(150 + index, 150)
      .modulate({ brightness: 0.8 + index / 100 });
    await add(`good-${index}.jpg`, await made.jpeg({ quality: 70 + (index % 20) }).toBuffer());
  }
  const cat = path.join(samples, 'cat.jpg');
  await writeOddImages(folder, cat);
  for (const [file, code] of Object.entries(oddImages)) samplesWritten.push({ file, code });
  await add('drawing.jpg', '<svg xmlns="http://www.w3.org/2000/svg"/>', 'unsupported_format');
  await add('document.jpg', '%PDF-1.7\n', 'unsupported_format');
  const jpeg = await sharp(cat).resize(200).jpeg().toBuffer();
  await add('killer.jpg', Buffer.concat([jpeg, KILLER]), 'worker_crash');
  return samplesWritten;
}

/** One image of a run: the name that it goes by, and the sample that it is a copy of. */
export interface RunImage {
  name: string;
  sample: Sample;
}

const ODD_NAMES = [
  '=cmd()',
  'a, b',
  'line\nbreak',
  '🐈 "quoted"',
  "it's",
  '-rf',
  '%41',
  '\u00fc',
  '\u001b]0;title',
];

/** Writes a run's folder: a seeded choice of the pool under plain and odd names, some of them twice. */
export async function writeInputs(
  folder: string,
  pool: { folder: string; samples: readonly Sample[] },
  random: Random,
): Promise<RunImage[]> {
  const good = pool.samples.filter(({ code }) => code === undefined);
  let bad = pool.samples.filter(({ code }) => code !== undefined);
  const count = 20 + random.below(60);
  const badShare = random.next() ** 2 / 3;
  const images: RunImage[] = [];
  for (let index = 0; index < count; index++) {
    const from = random.next() < badShare ? bad : good;
    const sample = from[random.below(from.length)] as Sample;
    // It costs several processes, which is time: one a run.
    if (sample.code === 'worker_crash') bad = bad.filter((each) => each !== sample);
    let odd = random.next() < 0.1 ? ODD_NAMES[random.below(ODD_NAMES.length)] : '';
    // One at least, composed: another form of it looks the same and has other bytes.
    if (index === 0) odd = '\u00fc';
    const name = `${index % 3}/${String(index).padStart(3, '0')}${odd}.jpg`;
    await mkdir(path.join(folder, String(index % 3)), { recursive: true });
    await cp(path.join(pool.folder, sample.file), path.join(folder, name));
    images.push({ name, sample });
  }
  // The order of a submission: folder by folder, names by code units.
  return images.sort((a, b) => (a.name < b.name ? -1 : 1));
}
