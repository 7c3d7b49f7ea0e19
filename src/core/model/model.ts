import * as z from 'zod';
import { formatVersion } from '../runtime/versioned.ts';

export const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/, 'must be a sha256 in hex');

const MODEL_NAME = 'must be at most 64 lower-case letters, digits, . _ or -';

/** A model's name. It becomes the name of a folder. */
export const modelName = z.string(MODEL_NAME).regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, MODEL_NAME);

export const modelVariant = z.enum(['fp32', 'int8']);
export type ModelVariant = z.infer<typeof modelVariant>;

/** The model of a job: identifies exactly one file of weights. */
export const modelRef = z.object({
  name: modelName,
  version: z.string().min(1).max(64),
  variant: modelVariant,
  sha256: sha256Hex,
  /** sha256 of the labels that a job brings itself (words.ts). */
  words: sha256Hex.optional(),
});
/** A model of a job: `sha256` identifies its weights, `words` the labels that the job has brought itself. */
export type ModelRef = z.infer<typeof modelRef>;

/**
 * How pixels become the input tensor: resize the shortest side to `resizeShortestSide` pixels, centre crop to `cropSize`,
 * then `(x / 255 - mean) / std` per channel, in `channelOrder`.
 */
export const preprocessing = z.object({
  /**
   * How the sides are scaled. `cover` (default): the longer side is rounded, and of an odd rest the larger part is cut off
   * at the top and left. `shortest-edge`: the longer side is rounded down, and the larger part is cut off at the bottom and
   * right, as in transformers. `stretch`: both sides get `resizeShortestSide` pixels.
   */
  fit: z.enum(['cover', 'shortest-edge', 'stretch']).optional(),
  resizeShortestSide: z.int().min(1).max(4096),
  cropSize: z.int().min(1).max(4096),
  kernel: z.enum(['nearest', 'linear', 'cubic', 'lanczos3']),
  channelOrder: z.enum(['RGB', 'BGR']),
  mean: z.tuple([z.number(), z.number(), z.number()]),
  std: z.tuple([z.number().positive(), z.number().positive(), z.number().positive()]),
});
export type Preprocessing = z.infer<typeof preprocessing>;

/** `model.json`: describes the weights beside it and how to use them. */
export const modelManifest = z.object({
  v: formatVersion,
  name: modelName,
  version: z.string().min(1).max(64),
  variant: modelVariant,
  sha256: sha256Hex,
  bytes: z.int().positive(),
  licence: z.string(),
  source: z.string(),
  input: z.object({ name: z.string(), layout: z.enum(['NCHW', 'NHWC']) }),
  output: z.object({ name: z.string() }),
  preprocess: preprocessing,
  /**
   * What imgcls applies to the outputs. `softmax`: to logits of classes of which one is right. `sigmoid`: to logits of labels
   * of which any number are right. `none`: the outputs are probabilities.
   */
  activation: z.enum(['softmax', 'sigmoid', 'none']),
  /** Divides the logits. `imgcls eval --calibrate` finds the one whose scores are right as often as they say. */
  temperature: z.number().positive().optional(),
  /**
   * Of a model that compares images with texts: its output is a vector, and a label's logit is `scale * cosine + bias`. It has no
   * labels of its own.
   */
  zeroShot: z
    .object({
      /** Numbers of a vector. */
      length: z.int().positive(),
      scale: z.number().positive(),
      bias: z.number(),
      /** The text of a label, with `{}` in its place. */
      template: z.string(),
      text: z.object({
        output: z.string(),
        /** Tokens that the model reads of a text. */
        maxTokens: z.int().positive(),
        /** Texts are filled up to `maxTokens` with this token; absent: they are not filled up. */
        fillToken: z.int().nonnegative().optional(),
        /** The model was trained with texts in lower case, and its tokenizer leaves them as they are. */
        isLowerCase: z.boolean().optional(),
      }),
    })
    .optional(),
  /** As published; `variant` is the one that it was measured with, if that is another one. */
  accuracy: z
    .object({ dataset: z.string(), top1: z.number().min(0).max(1), variant: modelVariant.optional() })
    .optional(),
});
export type ModelManifest = z.infer<typeof modelManifest>;

/** One class of the model's output. */
export const classLabel = z.object({ wnid: z.string(), label: z.string() });
export type ClassLabel = z.infer<typeof classLabel>;

/** `labels.json`: the classes in output order; none of a model that compares images with texts. */
export const classLabels = z.array(classLabel);

/** The name of a model for people: `resnet50/int8`. */
export function modelTitle(model: Pick<ModelRef, 'name' | 'variant'>): string {
  return `${model.name}/${model.variant}`;
}

export function refOf(manifest: ModelManifest): ModelRef {
  const { name, version, variant, sha256 } = manifest;
  return { name, version, variant, sha256 };
}
