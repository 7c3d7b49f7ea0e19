// One model: encoded images in, predictions out.

import { join } from 'node:path';
import type { ModelManifest } from '../core/model/model.ts';
import type { ImageError, ImageResult } from '../core/model/outcome.ts';
import { type ClassifyTimes, RUNNER_BATCH } from '../core/model/runner-protocol.ts';
import { ImgclsError, messageOf } from '../core/runtime/errors.ts';
import { type DecodedImage, type DecodeLimits, decodeImage } from './decode.ts';
import { DecodeError } from './decode-error.ts';
import { checkWeights, readModelFolder, WEIGHTS_FILE } from './folder.ts';
import { freeBytes } from './free-bytes.ts';
import { OPTIMISED_FILE } from './optimised.ts';
import { topClasses } from './postprocess.ts';
import { imageElements, makePreprocess } from './preprocess.ts';
import type { Encoded } from './read-encoded.ts';
import { makeSerialQueue } from './serial-queue.ts';
import { openOptimised, openSession, type Session } from './session.ts';

export interface ClassifierOptions extends DecodeLimits {
  /** Folder of `model.onnx`, `labels.json` and `model.json`. */
  dir: string;
  /** Of the weights, as the job pinned them. */
  sha256: string;
  /** Folder of the same model, optimised for this type of CPU from weights that were checked. */
  optimisedDir?: string;
}

export interface Classifier {
  readonly manifest: ModelManifest;
  /**
   * Classifies images (encoded, any number); answers one result an image, in order. An image that cannot be decoded, or
   * comes with its error, has an error and costs the others nothing. Calls may overlap: the images of the next are decoded while those of
   * this one are in the model.
   * @param onTimes told what images took, for each `RUNNER_BATCH` of them.
   * @throws {ImgclsError} of kind `permanent` when the model fails; no image is at fault.
   */
  classify(
    images: readonly Encoded[],
    topK: number,
    onTimes?: (times: ClassifyTimes) => void,
  ): Promise<ImageResult[]>;
  /** Waits for what is under way and frees the model. */
  dispose(): Promise<void>;
}

/**
 * Loads the model; checks the weights first, unless they were checked when they were optimised.
 * @throws {ImgclsError} of kind `permanent` when the model is damaged or is not the one of the sha256.
 */
export async function createClassifier(options: ClassifierOptions): Promise<Classifier> {
  const { manifest, labels } = await readModelFolder(options.dir);
  const session = await load(options);

  const { preprocess: recipe, activation } = manifest;
  const { layout } = manifest.input;
  const { cropSize } = recipe;
  const imageShape = layout === 'NCHW' ? [3, cropSize, cropSize] : [cropSize, cropSize, 3];
  const preprocess = makePreprocess(recipe, layout);
  // One input for all runs; the lane sees to it that only one run uses it.
  const tensor = new Float32Array(RUNNER_BATCH * imageElements(recipe));
  const lane = makeSerialQueue();
  /** All time spent in the model so far, milliseconds. */
  let modelMs = 0;

  /** Runs the model on up to RUNNER_BATCH decoded images; a row of output an image. */
  const infer = (decoded: readonly DecodedImage[]): Promise<{ rows: Float32Array[]; ms: number }> =>
    lane(async () => {
      const startedMs = performance.now();
      for (const [slot, { pixels }] of decoded.entries()) {
        preprocess(pixels, tensor, slot);
        freeBytes(pixels);
      }
      const output = await session.run(tensor, decoded.length, imageShape);
      const classes = output.length / decoded.length;
      if (classes !== labels.length) {
        throw new ImgclsError('permanent', `The model has ${classes} classes and ${labels.length} labels.`);
      }
      const rows = decoded.map((_, slot) => output.subarray(slot * classes, (slot + 1) * classes));
      const ms = performance.now() - startedMs;
      modelMs += ms;
      return { rows, ms };
    });

  const classifyBatch = async (
    images: readonly Encoded[],
    topK: number,
    onTimes?: (times: ClassifyTimes) => void,
  ): Promise<ImageResult[]> => {
    const startedMs = performance.now();
    const modelMsBefore = modelMs;
    const attempts = await Promise.all(images.map((bytes) => tryDecode(bytes, recipe, options)));
    // Time that an earlier batch had the model meanwhile is that batch's: over a job the times add up to the whole.
    const overlapMs = modelMs - modelMsBefore;
    const decodeMs = Math.max(0, performance.now() - startedMs - overlapMs) / images.length;
    const good = attempts.filter((attempt): attempt is DecodedImage => 'pixels' in attempt);
    if (good.length === 0) return attempts as ImageResult[];

    const { rows, ms } = await infer(good);
    const inferenceMs = ms / good.length;
    onTimes?.({ decodeMs, inferenceMs });
    const imageMs = decodeMs + inferenceMs;
    let next = 0;
    return attempts.map((attempt) => {
      if (!('pixels' in attempt)) return attempt;
      const row = rows[next++] as Float32Array;
      const best = { labels: topClasses(row, labels, activation, topK), ms: imageMs };
      return attempt.lowResolution ? { ...best, warning: 'low_resolution' } : best;
    });
  };

  return {
    manifest,
    async classify(images, topK, onTimes) {
      const results: ImageResult[] = [];
      let ahead: Promise<ImageResult[]> = Promise.resolve([]);
      for (let from = 0; from < images.length; from += RUNNER_BATCH) {
        // Two batches at a time: one in the model, one being decoded, and no more in memory.
        const batch = classifyBatch(images.slice(from, from + RUNNER_BATCH), topK, onTimes);
        // Its failure is met when its turn comes, unless the one before it fails first.
        batch.catch(() => {});
        results.push(...(await ahead));
        ahead = batch;
      }
      return [...results, ...(await ahead)];
    },
    dispose: () => lane(() => session.dispose()),
  };
}

async function load({ dir, sha256, optimisedDir }: ClassifierOptions): Promise<Session> {
  if (optimisedDir !== undefined) return await openOptimised(join(optimisedDir, OPTIMISED_FILE));
  await checkWeights(dir, sha256);
  return await openSession(join(dir, WEIGHTS_FILE));
}

async function tryDecode(
  bytes: Encoded,
  recipe: ModelManifest['preprocess'],
  limits: DecodeLimits,
): Promise<DecodedImage | { error: ImageError }> {
  if ('error' in bytes) return bytes;
  try {
    return await decodeImage(bytes, recipe, limits);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { error: { code: error.code, message: messageOf(error) } };
  }
}
