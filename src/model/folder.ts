// A model on disk: a folder with the weights, the labels of its classes, and a manifest.

import { createHash, hash } from 'node:crypto';
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ClassLabel, classLabels, type ModelManifest, modelManifest } from '../core/model/model.ts';
import { ImgclsError, messageOf } from '../core/runtime/errors.ts';
import { firstIssue, parseVersioned } from '../core/runtime/versioned.ts';
import { categoryOf } from './categories.ts';

export const WEIGHTS_FILE = 'model.onnx';
export const LABELS_FILE = 'labels.json';
export const MANIFEST_FILE = 'model.json';
// Of a model that compares images with texts. Workers do not need them.
export const TEXT_FILE = 'text_model.onnx';
export const TOKENIZER_FILE = 'tokenizer.json';
export const TOKENIZER_CONFIG_FILE = 'tokenizer_config.json';

/** The files beside the weights. */
export interface ModelDescription {
  manifest: ModelManifest;
  /** In output order. */
  labels: ClassLabel[];
}

/**
 * Reads and checks `model.json` and `labels.json`. Of the weights it checks only that they exist and have the right length.
 * @throws {ImgclsError} of kind `permanent` that names the folder and the problem.
 */
export async function readModelFolder(dir: string): Promise<ModelDescription> {
  try {
    const manifest = parseManifest(await readFile(join(dir, MANIFEST_FILE), 'utf8'));
    const labels = parseLabels(await readFile(join(dir, LABELS_FILE), 'utf8'));
    if ((labels.length === 0) !== (manifest.zeroShot !== undefined))
      throw new Error(`${LABELS_FILE} has ${labels.length} labels`);
    const { size } = await stat(join(dir, WEIGHTS_FILE));
    if (size !== manifest.bytes) {
      throw new Error(`${WEIGHTS_FILE} has ${size} bytes; ${MANIFEST_FILE} expects ${manifest.bytes}`);
    }
    return { manifest, labels };
  } catch (cause) {
    throw new ImgclsError('permanent', `The model in ${dir} is damaged: ${messageOf(cause)}`, {
      hint: 'Remove the folder, then pull or import the model again.',
      cause,
    });
  }
}

/** The fields of a manifest that affect predictions, besides the weights. */
export const effectOf = ({
  bytes,
  input,
  output,
  preprocess,
  activation,
  temperature,
  zeroShot,
}: ModelManifest) => ({
  bytes,
  input,
  output,
  preprocess,
  activation,
  temperature,
  zeroShot,
});

/** Of all that decides an image's labels and category besides its bytes. @param version of imgcls, which decodes the image. */
export const classifierDigest = ({ manifest, labels }: ModelDescription, version: string): string =>
  hash(
    'sha256',
    JSON.stringify([
      version,
      manifest.sha256,
      effectOf(manifest),
      labels,
      labels.map(({ wnid }) => categoryOf(wnid)),
    ]),
  );

/** @throws {PoisonError} @throws {NewerVersionError} */
export function parseManifest(text: string): ModelManifest {
  const manifest = parseVersioned(modelManifest, text, MANIFEST_FILE);
  const { cropSize, resizeShortestSide } = manifest.preprocess;
  if (cropSize > resizeShortestSide) {
    throw new ImgclsError(
      'permanent',
      `${MANIFEST_FILE}: cropSize ${cropSize} is larger than resizeShortestSide ${resizeShortestSide}`,
    );
  }
  return manifest;
}

export function parseLabels(text: string): ClassLabel[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ImgclsError('permanent', `${LABELS_FILE} is not JSON`, { cause });
  }
  if (isPlainLabels(value)) return value;
  const parsed = classLabels.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ImgclsError('permanent', `${LABELS_FILE} has the wrong shape: ${firstIssue(parsed.error)}`);
}

/** What `classLabels` accepts as it is. Every command that submits reads a thousand labels, for which zod takes 5 ms. */
const isPlainLabels = (value: unknown): value is ClassLabel[] =>
  Array.isArray(value) &&
  value.every(
    (each) =>
      typeof each?.wnid === 'string' && typeof each.label === 'string' && Object.keys(each).length === 2,
  );

/** So much of a file is read at once. */
const PIECE_BYTES = 1024 * 1024;

/** The sha256 of a file in hex. All pieces go into one buffer: to allocate others would take as long as the hash. */
export async function sha256OfFile(path: string, signal?: AbortSignal): Promise<string> {
  const sha = createHash('sha256');
  const buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
  const file = await open(path);
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, PIECE_BYTES, null);
      if (bytesRead === 0) return sha.digest('hex');
      sha.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

/** @throws {ImgclsError} of kind `permanent` if the weights have another sha256. */
export async function checkWeights(dir: string, sha256: string, signal?: AbortSignal): Promise<void> {
  const path = join(dir, WEIGHTS_FILE);
  let found: string;
  try {
    found = await sha256OfFile(path, signal);
  } catch (cause) {
    signal?.throwIfAborted();
    throw new ImgclsError('permanent', `Cannot read the weights ${path}: ${messageOf(cause)}`, { cause });
  }
  if (found !== sha256) {
    throw new ImgclsError('permanent', `The weights ${path} have sha256 ${found}; expected ${sha256}.`, {
      hint: 'The file was changed or damaged. Remove the model, then pull or import it again.',
    });
  }
}
