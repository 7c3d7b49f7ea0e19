import * as z from 'zod';
import { formatVersion } from '../runtime/versioned.ts';

/** Maximum number of labels in a prediction. */
export const MAX_TOP_K = 100;

/** Maximum length of an image's name in UTF-8. */
export const MAX_NAME_BYTES = 1024;

export const imageName = z.string().refine((name) => Buffer.byteLength(name) <= MAX_NAME_BYTES, {
  message: `must be at most ${MAX_NAME_BYTES} bytes`,
});

/** Why an image has no prediction. Transient errors, such as a store that is down, are not among these. */
export const errorCode = z.enum([
  'not_an_image',
  'truncated',
  'too_large',
  'unsupported_format',
  'missing',
  'changed',
  'model_unavailable',
  'worker_crash',
  'deadline',
  'unreadable',
]);
/** Why an image has no label. A later version may have more codes. {@link ImageError} has it with a message. */
export type ErrorCode = z.infer<typeof errorCode>;

export const imageError = z.object({ code: errorCode, message: z.string() });
/** The error of an image. `code` is for programs, `message` for people: its words may change. */
export type ImageError = z.infer<typeof imageError>;

/** One label of a prediction. `score` is its softmax probability, 0 to 1. */
export const scoredLabel = z.object({ wnid: z.string(), label: z.string(), score: z.number() });
/** One label. `score` is from 0 to 1; `wnid` identifies the class, also where two have the same word. */
export type ScoredLabel = z.infer<typeof scoredLabel>;

/** An everyday word for some of the classes, such as "dog". `score` is the sum of their scores, 0 to 1. */
export const scoredCategory = z.object({ name: z.string(), score: z.number() });
/** An everyday word for some of the classes, such as "dog". `score` is the sum of their scores, 0 to 1. */
export type ScoredCategory = z.infer<typeof scoredCategory>;

/**
 * Why the labels of an image are unreliable; of several reasons the first in this order. `damaged`: a part of the file is
 * missing or wrong. `uniform`: the picture has one colour. `low_resolution`: the shorter side has fewer than 96 pixels.
 */
export const predictionWarning = z.enum(['damaged', 'uniform', 'low_resolution']);
/**
 * Why labels are unreliable. `damaged`: a part of the file is missing or wrong. `uniform`: the picture has one colour.
 * `low_resolution`: the shorter side has fewer than 96 pixels. A later version may have more.
 */
export type PredictionWarning = z.infer<typeof predictionWarning>;

/** `preview`: of a camera raw file, the JPEG that the camera embedded was classified. */
export const predictionSource = z.enum(['preview']);

/**
 * The labels of one image, best first. `ms` is its own time: its decode, and its share of the run of the model; 0 if it was
 * known.
 */
export const prediction = z.object({
  labels: z.array(scoredLabel).min(1).max(MAX_TOP_K),
  ms: z.number().nonnegative(),
  /** The best category. Absent if the model has none, and in outcomes of earlier versions. */
  category: scoredCategory.optional(),
  /** Copied from another job, which had the same image. */
  known: z.literal(true).optional().catch(undefined),
  /** A warning of a later version is left out. */
  warning: predictionWarning.optional().catch(undefined),
  /** Of a damaged image whose end is missing: the share of its rows that could be decoded, 0.5 to 1. */
  decodedShare: z.number().min(0).max(1).optional(),
  /** One of a later version is left out. */
  source: predictionSource.optional().catch(undefined),
});
export type Prediction = z.infer<typeof prediction>;

/** The result of a classifier for one image. The error of a machine fault says nothing about the image: it is no outcome. */
export type ImageResult = Prediction | { error: ImageError; isMachineFault?: true };

/** The version of the object that an image was. */
export const objectVersion = z.object({ etag: z.string(), sequencer: z.string().optional() });
export type ObjectVersion = z.infer<typeof objectVersion>;

const place = {
  v: formatVersion,
  index: z.int().nonnegative(),
  name: imageName,
  /** Of a dropped image. */
  version: objectVersion.optional(),
};

/** One line of a result shard: the outcome of one image. */
export const outcome = z.union([
  z.object({ ...place, error: imageError }),
  z.object({ ...place, ...prediction.shape, model: z.string() }),
]);
/**
 * The outcome of one image: `labels`, best first, or an `error`. `index` is its place among the inputs, from 0; `name` is a path
 * in the submitted folder. `ms` is its own time in milliseconds: its decode, and its share of the run of the model. `known` means
 * that an earlier job had the same image.
 *
 * @example
 * ```ts
 * import { createClient, type ErrorCode, type ImageError, type Outcome } from 'imgcls';
 * import type { PredictionWarning, ScoredCategory, ScoredLabel } from 'imgcls';
 *
 * const RETRIED: readonly ErrorCode[] = ['missing', 'changed', 'unreadable'];
 * const reasonOf = ({ code, message }: ImageError) => `${code}: ${message}${RETRIED.includes(code) ? ' (retry it)' : ''}`;
 * const shown = ({ label, score }: ScoredLabel) => `${label} (${(100 * score).toFixed(0)} %)`;
 *
 * function describe(outcome: Outcome): string {
 *   if ('error' in outcome) return reasonOf(outcome.error);
 *   const category: ScoredCategory | undefined = outcome.category;
 *   const warning: PredictionWarning | undefined = outcome.warning;
 *   return [...outcome.labels.map(shown), category?.name ?? '', warning ?? ''].filter(Boolean).join(', ');
 * }
 *
 * await using client = await createClient({ topK: 2 });
 * const job = await client.submit(['photos']);
 * for await (const outcome of job.outcomes()) console.log(outcome.name, describe(outcome));
 * ```
 */
export type Outcome = z.infer<typeof outcome>;

export function isError<T extends object>(value: T): value is Extract<T, { error: ImageError }> {
  return 'error' in value;
}
