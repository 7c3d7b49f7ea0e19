// Changes the settings in a config file and leaves everything else in it alone.

import { randomUUID } from 'node:crypto';
import { mkdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ImgclsError, messageOf } from '../core/runtime/errors.ts';

type Values = Readonly<Record<string, unknown>>;

/**
 * Rewrites a config file atomically with the result of `change`. Deletes the file if no settings remain.
 * @param change returns undefined to leave the file as it is.
 * @returns whether the file changed.
 * @throws {ImgclsError} of kind `config` when the file is not valid or cannot be written.
 */
export async function changeSettingsFile(
  file: string,
  change: (values: Values) => Values | undefined,
): Promise<boolean> {
  // Write to the target of a symbolic link, not over the link.
  const real = await realpath(file).catch(() => path.resolve(file));
  const before = await readValues(real);
  const after = change(before);
  if (after === undefined || JSON.stringify(after) === JSON.stringify(before)) return false;
  try {
    if (Object.keys(after).length === 0) await rm(real, { force: true });
    else await replace(real, `${JSON.stringify(after, null, 2)}\n`);
  } catch (cause) {
    throw new ImgclsError('config', `Cannot write ${real}: ${messageOf(cause)}`, {
      hint: 'Use --settings FILE to write to another file. imgcls finds imgcls.config.json in this folder or a parent.',
      cause,
    });
  }
  return true;
}

async function readValues(file: string): Promise<Values> {
  try {
    const values: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (typeof values !== 'object' || values === null || Array.isArray(values))
      throw new Error('it must contain a JSON object');
    return values as Values;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new ImgclsError('config', `Cannot read ${file}: ${messageOf(cause)}`, {
      hint: 'Repair it or move it away. imgcls does not overwrite it.',
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
