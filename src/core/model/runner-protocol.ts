import type { ImageResult } from './outcome.ts';
import type { Words } from './words.ts';

/** The location of a model's files on this machine. */
export interface ModelLocation {
  /** Folder of `model.onnx`, `labels.json` and `model.json`. */
  dir: string;
  /** sha256 of the weights. */
  sha256: string;
  /** Folder of the model that is optimised for this type of CPU. */
  optimisedDir?: string;
  /** See `ClassifiedBy`. Absent: its predictions do not become known. */
  classifier?: string;
  /** The model has no labels of its own. */
  needsWords?: boolean;
  /** The labels of the job. */
  words?: Words;
}

/** Whether images with these models can be in one request. */
export const isSameClassifier = (a: ModelLocation, b: ModelLocation): boolean =>
  a.sha256 === b.sha256 && a.words?.sha256 === b.words?.sha256;

/** A message of the worker to a model runner (child process, `advanced` serialization). */
export type RunnerMessage = RunnerRequest | RunnerPreload;

/** Asks the runner to load a model before its first image. An error of it shows with the first image. */
export interface RunnerPreload {
  preload: ModelLocation;
}

/** An encoded image in a file of this machine. It may be deleted or changed. */
export interface ImageFile {
  path: string;
  bytes: number;
  /** sha256 of its content. */
  sha256: string;
}

/** An encoded image: its bytes, or a file that has them. */
export type EncodedImage = Uint8Array | ImageFile;

export interface RunnerRequest {
  id: number;
  model: ModelLocation;
  topK: number;
  /** One to `RUNNER_BATCH`. */
  images: EncodedImage[];
}

/** Milliseconds per image, as the mean over the images that were in the model together. */
export interface ClassifyTimes {
  decodeMs: number;
  inferenceMs: number;
}

/** A message of a runner: `ready` once its runtime is loaded, then one response per request, in any order. */
export type RunnerReply =
  | { type: 'ready'; rssBytes: number }
  /** A model is loaded; sent once for each. */
  | { type: 'model'; sha256: string; rssBytes: number }
  /** One result per image, in the order of the request, and their times if one reached the model. */
  | { type: 'results'; id: number; results: ImageResult[]; rssBytes: number; times?: ClassifyTimes }
  /** The model cannot be used on this machine. This is not the fault of an image. */
  | { type: 'failed'; id: number; message: string; rssBytes: number };

/** Maximum number of images in a runner at once. Larger numbers are no faster and need more memory. */
export const RUNNER_BATCH = 8;
