// The model of jobs that name none: the one that a person chose with `imgcls model use`.

import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { modelName } from '../core/model/model.ts';
import { ImgclsError, messageOf } from '../core/runtime/errors.ts';
import { FORMAT, formatVersion, parseVersioned } from '../core/runtime/versioned.ts';

const FILE = 'default.json';
const defaultModel = z.object({ v: formatVersion, name: modelName });

/**
 * @param modelsDir the folder of the installed models; need not exist.
 * @returns undefined if nothing was chosen.
 * @throws {ImgclsError} of kind `config` if the choice cannot be read.
 */
export async function readDefaultModel(modelsDir: string): Promise<string | undefined> {
  const file = join(modelsDir, FILE);
  try {
    return parseVersioned(defaultModel, await readFile(file, 'utf8'), FILE).name;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ImgclsError('config', `Cannot read the default model from ${file}: ${messageOf(cause)}`, {
      hint: 'Choose it again with "imgcls model use NAME".',
      cause,
    });
  }
}

/** Replaces the choice as a whole. */
export async function writeDefaultModel(modelsDir: string, name: string): Promise<void> {
  await mkdir(modelsDir, { recursive: true });
  const draft = join(modelsDir, `.${FILE}.${randomUUID()}`);
  try {
    await writeFile(draft, `${JSON.stringify({ v: FORMAT, name }, null, 2)}\n`, { flag: 'wx' });
    await rename(draft, join(modelsDir, FILE));
  } finally {
    await rm(draft, { force: true });
  }
}

/** Jobs use the bundled model again. */
export const forgetDefaultModel = (modelsDir: string): Promise<void> =>
  rm(join(modelsDir, FILE), { force: true });
