// Optimised models: stored on disk for the type of CPU on which they were made.
//
// At every load the runtime optimises a model in the same way (it fuses operators and lays out weights for the CPU's
// instructions). Stored, with the weights in a file of their own that is mapped into memory, ResNet-50 loads in an eighth
// of the time (fp32; int8 in half), and the runners of a machine share the memory of the weights (docs/performance.md).

import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { sha256Hex } from '../core/model/model.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { FORMAT, formatVersion, parseVersioned } from '../core/runtime/versioned.ts';
import { stagingDir } from './install.ts';

/** The graph, in the folder of an optimised model. The weights are in a file beside it. */
export const OPTIMISED_FILE = 'model.onnx';
const DESCRIPTION_FILE = 'optimised.json';

/** Space that stays free for images and results. */
const LEAST_FREE_BYTES = 512 * 1024 * 1024;

const description = z.object({
  v: formatVersion,
  /** Of the original weights. */
  sha256: sha256Hex,
  /** Length of each file, bytes. */
  files: z.record(z.string(), z.int().nonnegative()),
});

export interface OptimisedModels {
  /** The folder of an optimised model; undefined if there is none, or if it is incomplete. */
  find(sha256: string): Promise<string | undefined>;
  /**
   * Makes one and replaces an existing one.
   * @param weights the `.onnx` file. Its sha256 must have been checked.
   * @throws {ImgclsError} of kind `permanent` if the disk is nearly full; errors of `optimise`. No file is left then.
   */
  make(weights: string, sha256: string, signal?: AbortSignal): Promise<string>;
  /** Removes all optimised models of these weights, for every type of CPU. */
  remove(sha256: string): Promise<void>;
}

export interface OptimisedModelsOptions {
  /** Has one folder for each model and type of CPU. */
  dir: string;
  /** Identifies the runtime, its version and the CPU: the result depends on them too. */
  platform(): Promise<string>;
  /** Optimises `weights` into the file `to`, and writes its weights beside it. */
  optimise(weights: string, to: string, signal?: AbortSignal): Promise<void>;
}

export function createOptimisedModels({ dir, platform, optimise }: OptimisedModelsOptions): OptimisedModels {
  const folderOf = async (sha256: string) =>
    join(
      dir,
      `${sha256}-${createHash('sha256')
        .update(await platform())
        .digest('hex')
        .slice(0, 16)}`,
    );
  return {
    async find(sha256) {
      const folder = await folderOf(sha256);
      return (await isWhole(folder, sha256)) ? folder : undefined;
    },
    async make(weights, sha256, signal) {
      const staging = stagingDir(dir);
      await mkdir(staging, { recursive: true });
      try {
        await checkSpace(staging, weights);
        await optimise(weights, join(staging, OPTIMISED_FILE), signal);
        await describe(staging, sha256);
        const folder = await folderOf(sha256);
        await moveIntoPlace(staging, folder, sha256);
        return folder;
      } finally {
        await rm(staging, { recursive: true, force: true });
      }
    },
    async remove(sha256) {
      const names = await readdir(dir).catch(() => []);
      const ours = names.filter((name) => name.startsWith(`${sha256}-`));
      await Promise.all(ours.map((name) => rm(join(dir, name), { recursive: true, force: true })));
    },
  };
}

/** Checks the length of all files. Their content is trusted: it was flushed to disk before the folder got its name. */
async function isWhole(folder: string, sha256: string): Promise<boolean> {
  try {
    const text = await readFile(join(folder, DESCRIPTION_FILE), 'utf8');
    const found = parseVersioned(description, text, DESCRIPTION_FILE);
    for (const [name, bytes] of Object.entries(found.files)) {
      if ((await stat(join(folder, name))).size !== bytes) return false;
    }
    return found.sha256 === sha256;
  } catch {
    // Whatever the problem is, the model can be optimised again.
    return false;
  }
}

/** The optimised weights are about as large as the original ones. */
async function checkSpace(folder: string, weights: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const needed = LEAST_FREE_BYTES + (await stat(weights)).size;
  if (bavail * bsize >= needed) return;
  const megabytes = (bytes: number) => Math.round(bytes / 1e6);
  throw new ImgclsError(
    'permanent',
    `Not enough disk space in ${folder}: ${megabytes(bavail * bsize)} MB are free, ${megabytes(needed)} MB are needed.`,
  );
}

async function describe(folder: string, sha256: string): Promise<void> {
  const files: Record<string, number> = {};
  for (const name of await readdir(folder)) {
    const file = await open(join(folder, name));
    try {
      await file.sync();
      files[name] = (await file.stat()).size;
    } finally {
      await file.close();
    }
  }
  const text = JSON.stringify({ v: FORMAT, sha256, files });
  await writeFile(join(folder, DESCRIPTION_FILE), text, { flush: true });
}

/** If another process has made the same model meanwhile, that one stays: it may already be mapped. */
async function moveIntoPlace(staging: string, folder: string, sha256: string): Promise<void> {
  if (await isWhole(folder, sha256)) return;
  await rm(folder, { recursive: true, force: true });
  try {
    await rename(staging, folder);
  } catch (error) {
    if (!(await isWhole(folder, sha256))) throw error;
  }
}
