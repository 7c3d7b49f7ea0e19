import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { repository } from '../e2e/package.ts';
import type { Photographs } from './live-test.ts';

const samples = path.join(repository, 'samples');

/** Writes `count` different files. Bytes after the end of an image do not change the picture, but make the file unique. */
export async function writePhotographs(folder: string, count: number): Promise<Photographs> {
  await mkdir(folder, { recursive: true });
  const classes = JSON.parse(await readFile(path.join(samples, 'expected.json'), 'utf8'));
  const sources = await Promise.all(
    Object.entries<string[]>(classes).map(async ([file, wnids]) => ({
      file,
      wnids,
      bytes: await readFile(path.join(samples, file)),
    })),
  );
  const expected = new Map<string, readonly string[]>();
  for (let index = 0; index < count; index++) {
    const source = sources[index % sources.length];
    if (source === undefined) throw new Error('There are no samples.');
    const name = `${String(index).padStart(4, '0')}-${source.file}`;
    await writeFile(path.join(folder, name), Buffer.concat([source.bytes, Buffer.from(`${index}`)]));
    expected.set(name, source.wnids);
  }
  return { folder, expected };
}
