// Weights as the runtime would change them at every load, kept on disk for the type of CPU that they were made on.
//
// What the runtime's graph optimiser makes of a model (operators fused, weights laid out for the CPU's instructions) is
// the same each time. Kept, with the weights in a file of their own that is mapped and not read, ResNet-50 loads in an
// eighth of the time (fp32; int8 in half), and the runners of a machine share the weights' memory (docs/performance.md).

import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { sha256Hex } from '../core/model/model.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { FORMAT, formatVersion, parseVersioned } from '../core/runtime/versioned.ts';
import { stagingDir } from './install.ts';

/** In a folder of an optimised model: the graph, and beside it the weights that it maps. */
export const OPTIMISED_FILE = 'model.onnx';
const DESCRIPTION_FILE = 'optimised.json';

/** It stays free for what the disk is there for: images, and what becomes of them. */
const LEAST_FREE_BYTES = 512 * 1024 * 1024;

const description = z.object({
  v: formatVersion,
  /** Of the weights that it was made from. */
  sha256: sha256Hex,
  /** Bytes of each file. */
  files: z.record(z.string(), z.int().nonnegative()),
});

export interface OptimisedModels {
  /** The folder of an optimised model; undefined where there is none that is whole. */
  find(sha256: string): Promise<string | undefined>;
  /**
   * Makes one, in place of any that is there.
   * @param weights the `.onnx` file, whose sha256 was checked.
   * @throws {ImgclsError} of kind `permanent` where the disk is nearly full; what making it throws. Nothing is left behind then.
   */
  make(weights: string, sha256: string, signal?: AbortSignal): Promise<string>;
  /** Removes what was made of these weights, on whatever type of CPU. */
  remove(sha256: string): Promise<void>;
}

export interface OptimisedModelsOptions {
  /** One folder a model and type of CPU. */
  dir: string;
  /** What the result depends on besides the weights: runtime, its version, the CPU. */
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
        await settle(staging, folder, sha256);
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

/** All files have the length that was noted; their content is trusted, since it was on disk before the folder had its name. */
async function isWhole(folder: string, sha256: string): Promise<boolean> {
  try {
    const text = await readFile(join(folder, DESCRIPTION_FILE), 'utf8');
    const found = parseVersioned(description, text, DESCRIPTION_FILE);
    for (const [name, bytes] of Object.entries(found.files)) {
      if ((await stat(join(folder, name))).size !== bytes) return false;
    }
    return found.sha256 === sha256;
  } catch {
    // Whatever is wrong with it, it can be made again.
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
    `Only ${megabytes(bavail * bsize)} MB are free in ${folder}; ${megabytes(needed)} MB are wanted.`,
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

/** Another process may have made the same meanwhile, and have it mapped: that one stays. */
async function settle(staging: string, folder: string, sha256: string): Promise<void> {
  if (await isWhole(folder, sha256)) return;
  await rm(folder, { recursive: true, force: true });
  try {
    await rename(staging, folder);
  } catch (error) {
    if (!(await isWhole(folder, sha256))) throw error;
  }
}
