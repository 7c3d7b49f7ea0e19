import { randomBytes } from 'node:crypto';
import { appendFile, copyFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { photographSources } from '../src/bench/photographs.ts';

/** Decoders ignore what follows the end of a photograph. */
const APPENDED_BYTES = 16;

/** A photograph that looks like another one and has other bytes, so that nothing knows it. */
export async function distinctCopy(photograph: string, copy: string): Promise<void> {
  await copyFile(photograph, copy);
  await appendFile(copy, randomBytes(APPENDED_BYTES));
}

/** Fills a new folder with distinct photographs: those of another folder, and as many copies of them as are needed. */
export async function distinctPhotographs(
  folder: string,
  { sources, count }: { sources: string; count: number },
): Promise<void> {
  const originals = await photographSources(sources);
  if (originals.length === 0) throw new Error(`No JPEG or PNG found in ${sources}.`);
  await mkdir(folder);
  for (let at = 0; at < count; at++) {
    const original = originals[at % originals.length] ?? '';
    const copy = path.join(folder, `${String(at).padStart(6, '0')}-${path.basename(original)}`);
    await (at < originals.length ? copyFile : distinctCopy)(original, copy);
  }
}
