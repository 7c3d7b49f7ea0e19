// Optimised models: stored on disk for the type of CPU on which they were made.
//
// At every load the runtime optimises a model in the same way (it fuses operators and lays out weights for the CPU's
// instructions). Stored, with the weights in a file of their own that is mapped into memory, ResNet-50 loads in an eighth
// of the time (fp32; int8 in half), and the runners of a machine share the memory of the weights (docs/performance.md).

import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { type ModelManifest, modelTitle, sha256Hex } from '../core/model/model.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { FORMAT, formatVersion, parseVersioned } from '../core/runtime/versioned.ts';
import { sha256OfFile } from './folder.ts';
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
  /** The sha256 of each file. An older imgcls did not record it. */
  digests: z.record(z.string(), sha256Hex).optional(),
});

/** An optimised model that was looked for. `absent` also when an older imgcls made it, without a sha256 to check. */
export type FoundOptimised = { state: 'intact'; dir: string } | { state: 'absent' | 'damaged' };

export interface OptimisedModels {
  /** Finds an optimised model and checks the sha256 of its files. A damaged one must not be used: it mislabels images. */
  find(sha256: string, signal?: AbortSignal): Promise<FoundOptimised>;
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
    async find(sha256, signal) {
      return await inspect(await folderOf(sha256), sha256, signal);
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

/** @throws {ImgclsError} of kind `permanent` if there is a damaged one. Workers replace it when they start. */
export async function refuseDamaged(
  optimised: OptimisedModels,
  model: Pick<ModelManifest, 'name' | 'variant' | 'sha256'>,
  signal?: AbortSignal,
): Promise<void> {
  const { state } = await optimised.find(model.sha256, signal);
  if (state !== 'damaged') return;
  const title = modelTitle(model);
  throw new ImgclsError('permanent', `The optimised copy of ${title} is damaged.`, {
    hint: `Run "imgcls model optimize ${title}" to make it again, then restart the workers.`,
  });
}

async function inspect(folder: string, sha256: string, signal?: AbortSignal): Promise<FoundOptimised> {
  const text = await readFile(join(folder, DESCRIPTION_FILE), 'utf8').catch(() => undefined);
  if (text === undefined) return { state: 'absent' };
  try {
    const found = parseVersioned(description, text, DESCRIPTION_FILE);
    if (found.digests === undefined) return { state: 'absent' };
    for (const [name, digest] of Object.entries(found.digests)) {
      if ((await sha256OfFile(join(folder, name), signal)) !== digest) return { state: 'damaged' };
    }
    return found.sha256 === sha256 ? { state: 'intact', dir: folder } : { state: 'damaged' };
  } catch {
    signal?.throwIfAborted();
    // A file that is gone or cannot be read, or a description of another shape.
    return { state: 'damaged' };
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
  const digests: Record<string, string> = {};
  for (const name of await readdir(folder)) {
    const file = await open(join(folder, name));
    try {
      await file.sync();
      files[name] = (await file.stat()).size;
    } finally {
      await file.close();
    }
    digests[name] = await sha256OfFile(join(folder, name));
  }
  const text = JSON.stringify({ v: FORMAT, sha256, files, digests });
  await writeFile(join(folder, DESCRIPTION_FILE), text, { flush: true });
}

/** If another process has made the same model meanwhile, that one stays: it may already be mapped. */
async function moveIntoPlace(staging: string, folder: string, sha256: string): Promise<void> {
  const isIntact = async () => (await inspect(folder, sha256)).state === 'intact';
  if (await isIntact()) return;
  await rm(folder, { recursive: true, force: true });
  try {
    await rename(staging, folder);
  } catch (error) {
    if (!(await isIntact())) throw error;
  }
}
