// Installs a model of the catalog into the library.

import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import type { Store } from '../core/cloud/ports.ts';
import { type ModelManifest, type ModelVariant, modelTitle } from '../core/model/model.ts';
import { ImgclsError, messageOf } from '../core/runtime/errors.ts';
import { FORMAT } from '../core/runtime/versioned.ts';
import { type CatalogEntry, catalogEntries, HUB_URL } from './catalog.ts';
import { discardPartial, downloadFile, type FileDownloadOptions } from './download.ts';
import { sha256OfFile } from './folder.ts';
import { standardLabels } from './import.ts';
import { inspectModel } from './inspect.ts';
import { installModel } from './install.ts';
import type { LibraryModel, ModelLibrary } from './library.ts';
import { chooseVariant, readCpuFeatures, type VariantSetting } from './variant.ts';

export interface PullOptions {
  library: ModelLibrary;
  /** `auto` (default) chooses by the features of the CPU. */
  variant?: VariantSetting | undefined;
  /** Of this one file: an http(s) URL, a path, or `s3://bucket/key`. It must still be the pinned file. */
  source?: string | undefined;
  /** Instead of the hub's URL: http(s), a folder, or `s3://bucket/prefix`. */
  mirror?: string | undefined;
  /** For `s3://`. */
  openStore?: ((bucket: string) => Store) | undefined;
  onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
  signal?: AbortSignal | undefined;
  /** For tests: the pins of its variants. Instead of the catalog's. */
  entries?: readonly CatalogEntry[];
  /** For tests. */
  transfer?: Pick<FileDownloadOptions, 'stallMs' | 'maxTries' | 'random' | 'backoff'>;
}

export interface PulledModel {
  dir: string;
  manifest: ModelManifest;
  /** True if it was already installed, so that nothing was downloaded. */
  already: boolean;
}

/**
 * Installs a model of the catalog. Only pinned content is ever installed. An interrupted download leaves a partial file,
 * from which the next pull continues; any other failure leaves nothing.
 * @throws {ImgclsError} of kind `usage` (no such model), `permanent` (missing, or not the pinned file) or `transient`.
 */
export async function pullModel(name: string, options: PullOptions): Promise<PulledModel> {
  const { library } = options;
  const entries = options.entries ?? catalogEntries(name);
  const entry = await chooseEntry(name, entries, options.variant ?? 'auto');
  const installed = await findIntact(entry, library);
  if (installed !== undefined) return { dir: installed.dir, manifest: installed.manifest, already: true };

  const downloads = join(library.modelsDir, '.downloads');
  await mkdir(downloads, { recursive: true });
  const partial = join(downloads, `${entry.name}-${entry.variant}.partial`);
  const source = options.source ?? below(options.mirror ?? HUB_URL, entry.files[0].path);
  const sha256 = await fetchPinned(entry, source, partial, options);
  try {
    const { manifest, classes } = await describe(entry, sha256, partial, source);
    const labels = await standardLabels(classes, library.bundledDir);
    const weights = { path: partial, move: true };
    const dir = await installModel(library.modelsDir, { manifest, labels, weights });
    return { dir, manifest, already: false };
  } finally {
    await discardPartial(partial);
  }
}

async function chooseEntry(
  name: string,
  entries: readonly CatalogEntry[],
  setting: VariantSetting,
): Promise<CatalogEntry> {
  const [first, ...others] = entries.map(({ variant }) => variant) as [ModelVariant, ...ModelVariant[]];
  const { variant } = chooseVariant(name, setting, await readCpuFeatures(), [first, ...others]);
  return entries.find((entry) => entry.variant === variant) as CatalogEntry;
}

async function findIntact(entry: CatalogEntry, library: ModelLibrary): Promise<LibraryModel | undefined> {
  const models = await library.find(entry.name, entry.variant);
  for (const model of models) {
    const { sha256 } = model.manifest;
    if (!entry.files.some((file) => file.sha256 === sha256)) continue;
    // A damaged model is replaced.
    const isIntact = await library.verify(model).then(
      () => true,
      () => false,
    );
    if (isIntact) return model;
  }
  return undefined;
}

/** @returns the sha256 of the downloaded file, which is one of the pins. */
async function fetchPinned(
  entry: CatalogEntry,
  source: string,
  partial: string,
  options: PullOptions,
): Promise<string> {
  // The rest of an earlier transfer may belong to another file. Only the sha256 shows that; then download from the start.
  const resumed = (await stat(partial).catch(() => undefined)) !== undefined;
  const { sha256, bytes } = await fetchOnce(entry, source, partial, options);
  if (entry.files.some((file) => file.sha256 === sha256 && file.bytes === bytes)) return sha256;
  await discardPartial(partial);
  if (resumed) return await fetchPinned(entry, source, partial, options);
  throw new ImgclsError('permanent', `${source} is not ${modelTitle(entry)}: its sha256 is ${sha256}.`, {
    hint: 'The file was replaced or manipulated. If you trust it, install it with "imgcls model import FILE".',
  });
}

async function fetchOnce(
  entry: CatalogEntry,
  source: string,
  partial: string,
  options: PullOptions,
): Promise<{ sha256: string; bytes: number }> {
  const { signal, onProgress, transfer } = options;
  const acceptBytes = entry.files.map(({ bytes }) => bytes);
  if (/^https?:/.test(source)) {
    await downloadFile({ ...transfer, url: source, partialPath: partial, acceptBytes, onProgress, signal });
  } else {
    try {
      await copy(source, partial, Math.max(...acceptBytes), options);
    } catch (error) {
      await discardPartial(partial);
      throw error;
    }
  }
  return { sha256: await sha256OfFile(partial, signal), bytes: (await stat(partial)).size };
}

/** From a file or a store. A failed copy is not continued. */
async function copy(source: string, partial: string, maxBytes: number, options: PullOptions): Promise<void> {
  const { body, bytes } = await openSource(source, options);
  if (bytes > maxBytes) {
    body.destroy();
    throw new ImgclsError('permanent', `${source} has ${bytes} bytes; expected at most ${maxBytes}.`);
  }
  const { signal } = options;
  await pipeline(body, createWriteStream(partial), signal === undefined ? {} : { signal });
  options.onProgress?.(bytes, bytes);
}

async function openSource(
  source: string,
  { openStore, signal }: PullOptions,
): Promise<{ body: Readable; bytes: number }> {
  const s3 = /^s3:\/\/([^/]+)\/(.+)$/.exec(source);
  if (s3?.[1] !== undefined && s3[2] !== undefined) {
    if (openStore === undefined)
      throw new ImgclsError('usage', `Cannot read ${source}: no S3 client was passed in.`);
    const { info, body } = await openStore(s3[1]).getStream(s3[2], signal === undefined ? {} : { signal });
    return { body, bytes: info.bytes };
  }
  const path = source.startsWith('file:') ? fileURLToPath(source) : source;
  try {
    const { size } = await stat(path);
    return { body: createReadStream(path, { end: Math.max(0, size - 1) }), bytes: size };
  } catch (cause) {
    throw new ImgclsError('usage', `Cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
}

function below(base: string, path: string): string {
  return base.endsWith('/') ? `${base}${path}` : `${base}/${path}`;
}

/** Reads the names of inputs and outputs from the file. To do so, loads and runs it once. */
async function describe(
  entry: CatalogEntry,
  sha256: string,
  weights: string,
  source: string,
): Promise<{ manifest: ModelManifest; classes: number }> {
  const { input, output, classes } = await inspectModel(weights, {
    cropSize: entry.preprocess.cropSize,
    shownAs: source,
  });
  const { name, variant, version, licence, preprocess, activation, accuracy } = entry;
  const { size: bytes } = await stat(weights);
  const pinned = { v: FORMAT, name, version, variant, sha256, bytes, licence, source } as const;
  const manifest = { ...pinned, input, output, preprocess, activation };
  return { manifest: accuracy === undefined ? manifest : { ...manifest, accuracy }, classes };
}
