// Model files for workers: from this machine, otherwise from the cluster's output bucket.

import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Body, Store } from '../core/cloud/ports.ts';
import { modelPrefix } from '../core/job/keys.ts';
import { type ModelRef, modelTitle } from '../core/model/model.ts';
import type { ModelLocation } from '../core/model/runner-protocol.ts';
import { unlessAborted } from '../core/runtime/abort.ts';
import {
  ImgclsError,
  ModelMissingError,
  messageOf,
  ObjectMissingError,
  PreconditionFailedError,
} from '../core/runtime/errors.ts';
import type { Log } from '../core/runtime/log.ts';
import {
  checkWeights,
  classifierDigest,
  effectOf,
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
   * The location of a model with checked weights. Fetches the model if this machine lacks it, and optimises it if needed.
   * Calls for one model share one fetch, which is aborted when no call waits for it any more. After a failure the next call
   * tries again.
   * @throws {ModelMissingError} if neither machine nor cluster has the model; errors of the store and the disk.
   */
  ensure(ref: ModelRef, signal?: AbortSignal): Promise<ModelLocation>;
}

export interface ModelFilesOptions {
  library: ModelLibrary;
  /** Where `imgcls model push` puts models. */
  output?: Store;
  /** Fetched models, one folder for each sha256. */
  cacheDir: string;
  /** Without it, models are used without optimisation. */
  optimised?: OptimisedModels;
  /** Of imgcls. */
  version: string;
  log: Log;
}

interface Load {
  location: Promise<ModelLocation>;
  stop: AbortController;
  waiting: number;
}

export function createModelFiles(options: ModelFilesOptions): ModelFiles {
  const loads = new Map<string, Load>();

  const start = (ref: ModelRef): Load => {
    const stop = new AbortController();
    const location = locate(ref, options, stop.signal).then(async (found) => {
      const model = await readModelFolder(found.dir);
      const classifier = classifierDigest(model, options.version);
      return { ...found, classifier, ...(model.manifest.zeroShot && { needsWords: true }) };
    });
    const load: Load = { location, stop, waiting: 0 };
    loads.set(ref.sha256, load);
    const forget = () => {
      if (loads.get(ref.sha256) === load) loads.delete(ref.sha256);
    };
    load.location.then(forget, forget);
    return load;
  };

  return {
    async ensure(ref, signal) {
      signal?.throwIfAborted();
      const load = loads.get(ref.sha256) ?? start(ref);
      load.waiting++;
      try {
        return await unlessAborted(load.location, signal);
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
  const isWanted = ({ manifest }: LibraryModel) => manifest.sha256 === ref.sha256;
  // Most models have the name that the job says. To read all of them takes several times as long.
  const named = (await library.find(ref.name, ref.variant)).find(isWanted);
  const installed = named ?? (await library.findBySha256(ref.sha256));
  for (const dir of installed === undefined ? [cached] : [installed.dir, cached]) {
    try {
      if ((await readModelFolder(dir)).manifest.sha256 !== ref.sha256) continue;
      const found = await optimised?.find(ref.sha256, signal);
      if (found?.state === 'intact') return { dir, sha256: ref.sha256, optimisedDir: found.dir };
      if (found?.state === 'damaged') log.warn({ dir }, 'The optimised model is damaged. Making it again.');
      await checkWeights(dir, ref.sha256, signal);
      return await optimisedLocation(dir, ref, options, signal);
    } catch (error) {
      signal.throwIfAborted();
      // A model that is missing in the cache needs no warning. After any other problem try the next folder.
      if (dir !== cached) log.warn({ dir, problem: messageOf(error) }, 'Cannot use a model of the library.');
    }
  }
  if (output === undefined) throw missingModel(ref);
  log.info({ model: modelTitle(ref), sha256: ref.sha256 }, 'Fetching model.');
  await download(ref, output, cacheDir, signal);
  return await optimisedLocation(cached, ref, options, signal);
}

/** Optimises checked weights. If that fails (a full disk, an operator unknown to the optimiser), uses them unchanged. */
async function optimisedLocation(
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
    log.warn({ dir, problem: messageOf(error) }, 'Failed to optimise the model; using it unoptimised.');
    return { dir, sha256 };
  }
}

/** Fetches a model of the cluster into the worker's cache. */
async function download(ref: ModelRef, output: Store, cacheDir: string, signal: AbortSignal): Promise<void> {
  const staging = stagingDir(cacheDir);
  await mkdir(staging, { recursive: true });
  try {
    await downloadModel(ref, output, staging, signal);
    await moveIntoPlace(staging, join(cacheDir, ref.sha256));
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/**
 * Downloads a model of the cluster into an existing folder and checks it.
 * @throws {ModelMissingError} @throws {ImgclsError} of kind `permanent` if it is damaged in the bucket.
 */
export async function downloadModel(
  ref: ModelRef,
  output: Store,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const prefix = modelPrefix(ref.sha256);
  try {
    const { bytes } = await fetchManifest(ref, output, signal);
    for (const file of [MANIFEST_FILE, LABELS_FILE]) {
      const { body } = await output.get(`${prefix}${file}`, { signal });
      await writeFile(join(folder, file), body);
    }
    const { info, body } = await output.getStream(`${prefix}${WEIGHTS_FILE}`, { signal });
    if (info.bytes !== bytes) {
      body.destroy();
      throw new ImgclsError(
        'permanent',
        `The weights of ${modelTitle(ref)} in ${output.bucket} have ${info.bytes} bytes; expected ${bytes}.`,
        { hint: `Remove ${prefix} there, then push the model again: imgcls model push ${ref.name}` },
      );
    }
    await pipeline(body, createWriteStream(join(folder, WEIGHTS_FILE)), { signal });
    await readModelFolder(folder);
    await checkWeights(folder, ref.sha256, signal);
  } catch (error) {
    throw error instanceof ObjectMissingError ? missingModel(ref, error) : error;
  }
}

/** If another worker of this machine was faster, its model may be in use: it stays if it is intact. */
async function moveIntoPlace(staging: string, target: string): Promise<void> {
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
  throw new ImgclsError(
    'permanent',
    `${output.bucket} has another model in the place of ${modelTitle(ref)} (${ref.sha256.slice(0, 12)}).`,
    {
      hint: `Remove ${modelPrefix(ref.sha256)} there, then push the model again: imgcls model push ${ref.name}`,
    },
  );
}

function missingModel(ref: ModelRef, cause?: unknown): ModelMissingError {
  return new ModelMissingError(
    `The model ${modelTitle(ref)} (${ref.sha256.slice(0, 12)}) is neither on this machine nor in the cluster.`,
    { hint: `On a machine where it is installed, run "imgcls model push ${ref.name}".`, cause },
  );
}

/**
 * Puts a model into the cluster's output bucket, the weights last: if they exist, the model is complete. Existing files are
 * never changed: jobs pin only the sha256 of the weights, and other labels beside them would change the results.
 * @returns false if it already existed.
 * @throws {ImgclsError} of kind `permanent` if the bucket has a different model in its place.
 */
export async function pushModel(model: LibraryModel, output: Store, signal?: AbortSignal): Promise<boolean> {
  const { sha256, bytes } = model.manifest;
  const prefix = modelPrefix(sha256);
  const weightsKey = `${prefix}${WEIGHTS_FILE}`;
  const existing = await output.head(weightsKey, signal);
  if (existing !== undefined) {
    await checkPushed(model, output, signal);
    if (existing.bytes === bytes) return false;
    throw differs(model, output);
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

/** Keeps an existing object. */
async function putOnce(output: Store, key: string, body: Body, signal?: AbortSignal): Promise<void> {
  try {
    await output.put(key, body, { only: 'absent', ...(signal && { signal }) });
  } catch (error) {
    if (!(error instanceof PreconditionFailedError)) throw error;
  }
}

/** Everything else that affects the predictions must be equal too. */
async function checkPushed(model: LibraryModel, output: Store, signal?: AbortSignal): Promise<void> {
  const read = async (file: string) => {
    const { body } = await output.get(`${modelPrefix(model.manifest.sha256)}${file}`, signal && { signal });
    return Buffer.from(body).toString();
  };
  const labels = parseLabels(await read(LABELS_FILE));
  const { isDeepStrictEqual } = await import('node:util');
  const isSame =
    isDeepStrictEqual(labels, model.labels) &&
    isDeepStrictEqual(effectOf(parseManifest(await read(MANIFEST_FILE))), effectOf(model.manifest));
  if (!isSame) throw differs(model, output);
}

const differs = ({ manifest }: LibraryModel, output: Store): ImgclsError =>
  new ImgclsError(
    'permanent',
    `${modelTitle(manifest)} in ${output.bucket} differs from the installed one: it has other labels or another recipe.`,
    { hint: `If yours is right, remove ${modelPrefix(manifest.sha256)} there, then push it again.` },
  );
