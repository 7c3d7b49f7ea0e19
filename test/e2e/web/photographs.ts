import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { repository, sharedFolder } from '../package.ts';

const shared = sharedFolder();

/** Real photographs, each another: from the shared folder where there is one, else variants of the samples. */
export async function photographs(folder: string, count: number): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const from =
    shared === undefined ? path.join(repository, 'samples') : path.join(shared, 'images', 'seed', 'medium');
  const names = (await readdir(from)).filter((name) => /\.(jpe?g|png)$/i.test(name)).sort();
  const files: string[] = [];
  for (let at = 0; at < count; at++) {
    const name = names[at % names.length] ?? '';
    const round = Math.floor(at / names.length);
    // In this order by name, and none part of another's.
    const file = path.join(folder, `${String(at).padStart(4, '0')}-${name}`);
    // What follows the end of an image is not looked at, and makes it another.
    await writeFile(file, Buffer.concat([await readFile(path.join(from, name)), Buffer.from(`#${round}`)]));
    files.push(file);
  }
  return files;
}
