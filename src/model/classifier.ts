// Runs one model: takes encoded images, returns predictions.

import { join } from 'node:path';
import type { ModelManifest } from '../core/model/model.ts';
import type { ImageError, ImageResult, ScoredLabel } from '../core/model/outcome.ts';
import { type ClassifyTimes, RUNNER_BATCH } from '../core/model/runner-protocol.ts';
import type { Words } from '../core/model/words.ts';
import { ImgclsError, messageOf } from '../core/runtime/errors.ts';
import { MachineFaultError } from '../core/runtime/machine-fault.ts';
import { categoriesOf } from './categories.ts';
import { type DecodedImage, decodeImage, type Remarks } from './decode/decode.ts';
import { DecodeError } from './decode/decode-error.ts';
import type { DecodeLimits } from './decode/decode-failure.ts';
import { checkWeights, readModelFolder, WEIGHTS_FILE } from './folder.ts';
import { freeBytes } from './free-bytes.ts';
import { OPTIMISED_FILE } from './optimised.ts';
import { bestCategory, scoresOf, topClasses } from './postprocess.ts';
import { imageElements, makePreprocess } from './preprocess.ts';
import type { Encoded } from './read-encoded.ts';
import { makeSerialQueue } from './serial-queue.ts';
import { openOptimised, openSession, type Session } from './session.ts';
import { compareWithWords } from './words/compare.ts';

export interface ClassifierOptions extends DecodeLimits {
  /** Folder of `model.onnx`, `labels.json` and `model.json`. */
  dir: string;
  /** Of the weights, as pinned in the job. */
  sha256: string;
  /** Folder of the same model, optimised for this type of CPU. Its weights were checked before. */
  optimisedDir?: string;
}

export interface Classifier {
  readonly manifest: ModelManifest;
  /**
   * Classifies any number of encoded images; returns one result for each image, in order. An image that cannot be decoded,
   * or that could not be read, gets an error and does not affect the others. Calls may overlap: the images of the next call
   * are decoded while the model runs on those of this call.
   * @param onTimes called with the times of each `RUNNER_BATCH` of images.
   * @param words the labels, if the model has none of its own.
   * @throws {ImgclsError} of kind `permanent` if the model fails; no image is at fault.
   */
  classify(
    images: readonly Encoded[],
    topK: number,
    onTimes?: (times: ClassifyTimes) => void,
    words?: Words,
  ): Promise<ImageResult[]>;
  /** Waits for runs in progress and frees the model. */
  dispose(): Promise<void>;
}

/**
 * Below this score of the best label an image is checked for damage. A wrong bit in a JPEG leaves wrong colours and
 * displaced blocks, in which the model finds nothing that it knows.
 */
const UNSURE_SCORE = 0.2;

/**
 * Loads the model. Checks its weights first, unless they were checked when they were optimised.
 * @throws {ImgclsError} of kind `permanent` if the model is damaged or does not have the expected sha256.
 */
export async function createClassifier(options: ClassifierOptions): Promise<Classifier> {
  const { manifest, labels } = await readModelFolder(options.dir);
  const categories = categoriesOf(labels);
  const { zeroShot } = manifest;
  const session = await load(options, manifest.variant);

  const { preprocess: recipe } = manifest;
  const { layout } = manifest.input;
  const { cropSize } = recipe;
  const imageShape = layout === 'NCHW' ? [3, cropSize, cropSize] : [cropSize, cropSize, 3];
  const preprocess = makePreprocess(recipe, layout);
  // All runs share one input tensor; the serial queue makes sure that only one run uses it.
  const tensor = new Float32Array(RUNNER_BATCH * imageElements(recipe));
  const inSequence = makeSerialQueue();
  /** Total time of this thread in the model and with plain JPEGs so far, milliseconds. */
  let busyMs = 0;

  /** Runs the model on up to RUNNER_BATCH decoded images; returns one row of output for each. */
  const infer = (decoded: readonly DecodedImage[]): Promise<{ rows: Float32Array[]; ms: number }> =>
    inSequence(async () => {
      const startedMs = performance.now();
      for (const [slot, { pixels }] of decoded.entries()) {
        preprocess(pixels, tensor, slot);
        freeBytes(pixels);
      }
      const output = await session.run(tensor, decoded.length, imageShape, manifest.output.name);
      const width = output.length / decoded.length;
      if (width !== (zeroShot?.length ?? labels.length)) {
        throw new ImgclsError('permanent', `The model has ${width} classes but ${labels.length} labels.`);
      }
      const rows = decoded.map((_, slot) => output.subarray(slot * width, (slot + 1) * width));
      const ms = performance.now() - startedMs;
      busyMs += ms;
      return { rows, ms };
    });

  const classifyBatch = async (
    images: readonly Encoded[],
    topK: number,
    onTimes?: (times: ClassifyTimes) => void,
    words?: Words,
  ): Promise<ImageResult[]> => {
    const startedMs = performance.now();
    const decoding = images.map((bytes) => tryDecode(bytes, recipe, options));
    busyMs += performance.now() - startedMs;
    const busyMsBefore = busyMs;
    const attempts = await Promise.all(decoding);
    // Subtract the time in which the thread worked on other batches: then the times of a job's batches add up to its total.
    const overlapMs = busyMs - busyMsBefore;
    const decodeMs = Math.max(0, performance.now() - startedMs - overlapMs) / images.length;
    const good = attempts.filter((attempt): attempt is DecodedImage => 'pixels' in attempt);
    if (good.length === 0) return attempts as ImageResult[];

    const { rows, ms } = await infer(good);
    const inferenceMs = ms / good.length;
    onTimes?.({ decodeMs, inferenceMs });
    const decodersMs = good.reduce((sum, image) => sum + image.decodeMs, 0);
    let next = 0;
    const results = attempts.map(async (attempt, index): Promise<ImageResult> => {
      if (!('pixels' in attempt)) return attempt;
      const row = rows[next++] as Float32Array;
      const logits = zeroShot && words ? compareWithWords(row, words, zeroShot) : row;
      const scores = scoresOf(logits, manifest);
      const best = topClasses(scores, words?.labels ?? labels, topK);
      const category = categories && bestCategory(scores, categories);
      // Decoders run side by side: each image has its share of the time that they took together.
      const ownMs = (decodeMs * images.length * attempt.decodeMs) / decodersMs;
      const remarks = await reviewed(images[index] as Uint8Array, best, attempt);
      return { labels: best, ms: ownMs + inferenceMs, ...(category && { category }), ...remarks };
    });
    return await Promise.all(results);
  };

  /** Looks for damage that the decoder has not noticed, in an image that the model does not know. */
  const reviewed = async (
    bytes: Uint8Array,
    [best]: ScoredLabel[],
    { remarks, isIntact }: DecodedImage,
  ): Promise<Remarks> => {
    if (isIntact || remarks.warning !== undefined || (best?.score ?? 0) >= UNSURE_SCORE) return remarks;
    const { hasDamagedData } = await import('./decode/libvips.ts');
    return (await hasDamagedData(bytes, options)) ? { ...remarks, warning: 'damaged' } : remarks;
  };

  return {
    manifest,
    async classify(images, topK, onTimes, words) {
      if ((words === undefined) !== (zeroShot === undefined))
        throw new ImgclsError('permanent', 'The model needs labels, or has labels of its own.');
      const results: ImageResult[] = [];
      let previous: Promise<ImageResult[]> = Promise.resolve([]);
      for (let from = 0; from < images.length; from += RUNNER_BATCH) {
        // Two batches at a time: one in the model and one being decoded. More would only take memory.
        const batch = classifyBatch(images.slice(from, from + RUNNER_BATCH), topK, onTimes, words);
        // A rejection is handled when `previous` is awaited, unless the batch before rejects first.
        batch.catch(() => {});
        results.push(...(await previous));
        previous = batch;
      }
      return [...results, ...(await previous)];
    },
    dispose: () => inSequence(() => session.dispose()),
  };
}

async function load(
  { dir, sha256, optimisedDir }: ClassifierOptions,
  variant: ModelManifest['variant'],
): Promise<Session> {
  if (optimisedDir !== undefined) return await openOptimised(join(optimisedDir, OPTIMISED_FILE), variant);
  await checkWeights(dir, sha256);
  return await openSession(join(dir, WEIGHTS_FILE));
}

async function tryDecode(
  bytes: Encoded,
  recipe: ModelManifest['preprocess'],
  limits: DecodeLimits,
): Promise<DecodedImage | Extract<ImageResult, { error: ImageError }>> {
  if ('error' in bytes) return bytes;
  try {
    return await decodeImage(bytes, recipe, limits);
  } catch (error) {
    if (error instanceof DecodeError) return { error: { code: error.code, message: messageOf(error) } };
    if (!(error instanceof MachineFaultError)) throw error;
    return { error: { code: error.code, message: error.message }, isMachineFault: true };
  }
}
