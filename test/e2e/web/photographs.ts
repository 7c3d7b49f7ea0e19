import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { repository, sharedFolder } from '../package.ts';

const shared = sharedFolder();

/** Distinct real photos: from the shared folder if there is one, otherwise variants of the samples. */
export async function photographs(folder: string, count: number): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const from =
    shared === undefined ? path.join(repository, 'samples') : path.join(shared, 'images', 'seed', 'medium');
  const names = (await readdir(from)).filter((name) => /\.(jpe?g|png)$/i.test(name)).sort();
  const files: string[] = [];
  for (let at = 0; at < count; at++) {
    const name = names[at % names.length] ?? '';
    const round = Math.floor(at / names.length);
    // Names sort in this order, and none is part of another.
    const file = path.join(folder, `${String(at).padStart(4, '0')}-${name}`);
    // Decoders ignore bytes after the end of an image; its digest changes.
    await writeFile(file, Buffer.concat([await readFile(path.join(from, name)), Buffer.from(`#${round}`)]));
    files.push(file);
  }
  return files;
}
