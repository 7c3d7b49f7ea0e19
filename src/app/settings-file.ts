// A config file that commands write to: what is theirs, and nothing else.

import { randomUUID } from 'node:crypto';
import { mkdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ImgclsError, messageOf } from '../core/runtime/errors.ts';

type Values = Readonly<Record<string, unknown>>;

/**
 * Replaces the settings in a file by what `change` makes of them, whole or not at all. A file without settings goes.
 * @param change answers undefined to leave the file as it is.
 * @returns whether anything was changed.
 * @throws {ImgclsError} of kind `config` where the file is there and holds no settings, or cannot be written.
 */
export async function changeSettingsFile(
  file: string,
  change: (values: Values) => Values | undefined,
): Promise<boolean> {
  // A link stays a link.
  const real = await realpath(file).catch(() => path.resolve(file));
  const before = await readValues(real);
  const after = change(before);
  if (after === undefined || JSON.stringify(after) === JSON.stringify(before)) return false;
  try {
    if (Object.keys(after).length === 0) await rm(real, { force: true });
    else await replace(real, `${JSON.stringify(after, null, 2)}\n`);
  } catch (cause) {
    throw new ImgclsError('config', `Cannot write ${real}: ${messageOf(cause)}`, {
      hint: 'Choose another file with --settings FILE, and put it where imgcls finds it: imgcls.config.json, here or further up.',
      cause,
    });
  }
  return true;
}

async function readValues(file: string): Promise<Values> {
  try {
    const values: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (typeof values !== 'object' || values === null || Array.isArray(values))
      throw new Error('it must hold an object of settings');
    return values as Values;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new ImgclsError('config', `Cannot read ${file}: ${messageOf(cause)}`, {
      hint: 'Repair it or move it away: nothing in it is overwritten.',
      cause,
    });
  }
}

async function replace(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const draft = `${file}.${randomUUID()}`;
  try {
    await writeFile(draft, text, { flag: 'wx' });
    await rename(draft, file);
  } finally {
    await rm(draft, { force: true });
  }
}
