// Installs a model into the library atomically.

import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ClassLabel, ModelManifest } from '../core/model/model.ts';
import { LABELS_FILE, MANIFEST_FILE, readModelFolder, WEIGHTS_FILE } from './folder.ts';

/** A folder for work in progress beside the installed models. Lists skip it because its name begins with a dot. */
export const stagingDir = (modelsDir: string): string => join(modelsDir, `.staging-${randomUUID()}`);

export interface Installation {
  manifest: ModelManifest;
  labels: readonly ClassLabel[];
  /** The file with the weights, already checked. `move` if it may be moved and is on the same disk. */
  weights: { path: string; move: boolean };
  /** Other files beside the weights, which may be moved. */
  others?: readonly string[];
}

/**
 * Installs the model in `<modelsDir>/<name>/<variant>/`; replaces an existing one.
 * @returns the folder.
 */
export async function installModel(modelsDir: string, installation: Installation): Promise<string> {
  const { manifest, labels, weights, others = [] } = installation;
  const target = join(modelsDir, manifest.name, manifest.variant);
  const staging = stagingDir(modelsDir);
  await mkdir(staging, { recursive: true });
  try {
    await writeFile(join(staging, LABELS_FILE), `${JSON.stringify(labels)}\n`);
    await writeFile(join(staging, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
    await (weights.move ? rename : copyFile)(weights.path, join(staging, WEIGHTS_FILE));
    for (const path of others) await rename(path, join(staging, basename(path)));
    await replaceFolder(staging, target);
    await readModelFolder(target);
    return target;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** Moves a folder into place. A folder cannot be renamed over another, so an existing one is moved aside first. */
export async function replaceFolder(from: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  const aside = `${from}-replaced`;
  const wasMovedAside = await rename(target, aside).then(
    () => true,
    () => false,
  );
  try {
    await rename(from, target);
  } catch (error) {
    if (wasMovedAside) await rename(aside, target);
    throw error;
  }
  if (wasMovedAside) await rm(aside, { recursive: true, force: true });
}
