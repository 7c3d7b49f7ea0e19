// Model files for workers: from this machine, else from the cluster's output bucket.

import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Body, Store } from '../core/cloud/ports.ts';
import { modelPrefix } from '../core/job/keys.ts';
import { type ModelManifest, type ModelRef, modelTitle } from '../core/model/model.ts';
import type { ModelLocation } from '../core/model/runner-protocol.ts';
import { unlessAborted } from '../core/runtime/abort.ts';
import {
  ImgclsError,
  messageOf,
  ObjectMissingError,
  PreconditionFailedError,
} from '../core/runtime/errors.ts';
import type { Log } from '../core/runtime/log.ts';
import {
  checkWeights,
  LABELS_FILE,
  MANIFEST_FILE,
  parseLabels,
  parseManifest,
  readModelFolder,
  WEIGHTS_FILE,
} from './folder.ts';
import { replaceFolder, stagingDir } from './install.ts';
import type { LibraryModel, ModelLibrary } from './library.ts';
import type { OptimisedModels } from './optimised.ts';

export interface ModelFiles {
  /**
   * Where a model is, its weights checked; fetched where this machine lacks it, and optimised where that was not done
   * yet. Calls for one model share one fetch, which ends when none of them waits any more; a failure is forgotten.
   * @throws {ImgclsError} of kind `permanent` when the model is nowhere; what the store throws.
   */
  ensure(ref: ModelRef, signal?: AbortSignal): Promise<ModelLocation>;
}

export interface ModelFilesOptions {
  library: ModelLibrary;
  /** Where `imgcls model push` puts models. */
  output?: Store;
  /** Fetched models, one folder a sha256. */
  cacheDir: string;
  /** Absent: models are used as they are. */
  optimised?: OptimisedModels;
  log: Log;
}

interface Load {
  place: Promise<ModelLocation>;
  stop: AbortController;
  waiting: number;
}

export function createModelFiles(options: ModelFilesOptions): ModelFiles {
  const loads = new Map<string, Load>();

  const start = (ref: ModelRef): Load => {
    const stop = new AbortController();
    const load: Load = { place: locate(ref, options, stop.signal), stop, waiting: 0 };
    loads.set(ref.sha256, load);
    const forget = () => {
      if (loads.get(ref.sha256) === load) loads.delete(ref.sha256);
    };
    load.place.then(forget, forget);
    return load;
  };

  return {
    async ensure(ref, signal) {
      signal?.throwIfAborted();
      const load = loads.get(ref.sha256) ?? start(ref);
      load.waiting++;
      try {
        return await unlessAborted(load.place, signal);
      } finally {
        if (--load.waiting === 0) {
          if (loads.get(ref.sha256) === load) loads.delete(ref.sha256);
          load.stop.abort();
        }
      }
    },
  };
}

async function locate(
  ref: ModelRef,
  options: ModelFilesOptions,
  signal: AbortSignal,
): Promise<ModelLocation> {
  const { library, output, cacheDir, optimised, log } = options;
  const cached = join(cacheDir, ref.sha256);
  const installed = await library.findBySha256(ref.sha256);
  for (const dir of installed === undefined ? [cached] : [installed.dir, cached]) {
    try {
      if ((await readModelFolder(dir)).manifest.sha256 !== ref.sha256) continue;
      const optimisedDir = await optimised?.find(ref.sha256);
      if (optimisedDir !== undefined) return { dir, sha256: ref.sha256, optimisedDir };
      await checkWeights(dir, ref.sha256, signal);
      return await optimisedPlace(dir, ref, options, signal);
    } catch (error) {
      signal.throwIfAborted();
      // Not there is no news in the cache; anything else is worth a word, and the next place may have it.
      if (dir !== cached) log.warn({ dir, problem: messageOf(error) }, 'model of the library is not usable');
    }
  }
  if (output === undefined) throw nowhere(ref);
  log.info({ model: modelTitle(ref), sha256: ref.sha256 }, 'fetching model');
  await download(ref, output, cacheDir, signal);
  return await optimisedPlace(cached, ref, options, signal);
}

/** Weights that were checked, optimised; as they are where that cannot be done (a full disk, an operator unknown to the optimiser). */
async function optimisedPlace(
  dir: string,
  { sha256 }: ModelRef,
  { optimised, log }: ModelFilesOptions,
  signal: AbortSignal,
): Promise<ModelLocation> {
  try {
    const optimisedDir = await optimised?.make(join(dir, WEIGHTS_FILE), sha256, signal);
    return { dir, sha256, ...(optimisedDir !== undefined && { optimisedDir }) };
  } catch (error) {
    signal.throwIfAborted();
    log.warn({ dir, problem: messageOf(error) }, 'The model cannot be optimised; it is used as it is.');
    return { dir, sha256 };
  }
}

async function download(ref: ModelRef, output: Store, cacheDir: string, signal: AbortSignal): Promise<void> {
  const staging = stagingDir(cacheDir);
  const prefix = modelPrefix(ref.sha256);
  await mkdir(staging, { recursive: true });
  try {
    const { bytes } = await fetchManifest(ref, output, signal);
    for (const file of [MANIFEST_FILE, LABELS_FILE]) {
      const { body } = await output.get(`${prefix}${file}`, { signal });
      await writeFile(join(staging, file), body);
    }
    const { info, body } = await output.getStream(`${prefix}${WEIGHTS_FILE}`, { signal });
    if (info.bytes !== bytes) {
      body.destroy();
      throw new ImgclsError(
        'permanent',
        `The weights in ${output.bucket} have ${info.bytes} bytes, not ${bytes}.`,
      );
    }
    await pipeline(body, createWriteStream(join(staging, WEIGHTS_FILE)), { signal });
    await readModelFolder(staging);
    await checkWeights(staging, ref.sha256, signal);
    await settle(staging, join(cacheDir, ref.sha256));
  } catch (error) {
    throw error instanceof ObjectMissingError ? nowhere(ref, error) : error;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** Another worker of this machine may have been faster: what it put there is in use and stays, if it is sound. */
async function settle(staging: string, target: string): Promise<void> {
  try {
    const { manifest } = await readModelFolder(target);
    await checkWeights(target, manifest.sha256);
  } catch {
    await replaceFolder(staging, target);
  }
}

async function fetchManifest(ref: ModelRef, output: Store, signal: AbortSignal): Promise<{ bytes: number }> {
  const { body } = await output.get(`${modelPrefix(ref.sha256)}${MANIFEST_FILE}`, { signal });
  const manifest = parseManifest(Buffer.from(body).toString());
  if (manifest.sha256 === ref.sha256) return manifest;
  throw new ImgclsError('permanent', `What ${output.bucket} has for ${modelTitle(ref)} is another model.`);
}

function nowhere(ref: ModelRef, cause?: unknown): ImgclsError {
  return new ImgclsError(
    'permanent',
    `The model ${modelTitle(ref)} (${ref.sha256.slice(0, 12)}) is neither on this machine nor in the cluster.`,
    { hint: `Where it is installed: imgcls model push ${ref.name}`, cause },
  );
}

/**
 * Puts a model into the cluster's output bucket, the weights last: where they are, the model is whole. Nothing that is there
 * is changed: the digest that jobs pin is of the weights alone, and other labels beside them would be other answers.
 * @returns false when it was there already.
 * @throws {ImgclsError} of kind `permanent` when something else stands in its place.
 */
export async function pushModel(model: LibraryModel, output: Store, signal?: AbortSignal): Promise<boolean> {
  const { sha256, bytes } = model.manifest;
  const prefix = modelPrefix(sha256);
  const weightsKey = `${prefix}${WEIGHTS_FILE}`;
  const there = await output.head(weightsKey, signal);
  if (there !== undefined) {
    await checkPushed(model, output, signal);
    if (there.bytes === bytes) return false;
    throw otherwise(model, output);
  }
  await checkWeights(model.dir, sha256, signal);
  await putOnce(output, `${prefix}${LABELS_FILE}`, Buffer.from(JSON.stringify(model.labels)), signal);
  const manifest = Buffer.from(JSON.stringify(model.manifest, null, 2));
  await putOnce(output, `${prefix}${MANIFEST_FILE}`, manifest, signal);
  await checkPushed(model, output, signal);
  const open = () => createReadStream(join(model.dir, WEIGHTS_FILE), { end: bytes - 1 });
  await putOnce(output, weightsKey, { bytes, open }, signal);
  return true;
}

/** What is there already stays. */
async function putOnce(output: Store, key: string, body: Body, signal?: AbortSignal): Promise<void> {
  try {
    await output.put(key, body, { only: 'absent', ...(signal && { signal }) });
  } catch (error) {
    if (!(error instanceof PreconditionFailedError)) throw error;
  }
}

/** What decides about the answers, besides the weights, must be the same. */
async function checkPushed(model: LibraryModel, output: Store, signal?: AbortSignal): Promise<void> {
  const read = async (file: string) => {
    const { body } = await output.get(`${modelPrefix(model.manifest.sha256)}${file}`, signal && { signal });
    return Buffer.from(body).toString();
  };
  const labels = parseLabels(await read(LABELS_FILE));
  const use = ({ bytes, input, output, preprocess, activation }: ModelManifest) => ({
    bytes,
    input,
    output,
    preprocess,
    activation,
  });
  const isSame =
    isDeepStrictEqual(labels, model.labels) &&
    isDeepStrictEqual(use(parseManifest(await read(MANIFEST_FILE))), use(model.manifest));
  if (!isSame) throw otherwise(model, output);
}

const otherwise = ({ manifest }: LibraryModel, output: Store): ImgclsError =>
  new ImgclsError(
    'permanent',
    `What ${output.bucket} has for ${modelTitle(manifest)} is not what is installed here: other labels or another use of its weights.`,
    { hint: `If yours is right, remove ${modelPrefix(manifest.sha256)} there, and push it again.` },
  );
