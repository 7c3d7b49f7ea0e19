import type { ImageResult } from './outcome.ts';

/** Where a model's files are on this machine. */
export interface ModelLocation {
  /** Folder of `model.onnx`, `labels.json` and `model.json`. */
  dir: string;
  /** Of the weights. */
  sha256: string;
  /** Folder of the same model, optimised for this type of CPU. */
  optimisedDir?: string;
}

/** What the worker sends to a model runner (child process, `advanced` serialization). */
export type RunnerMessage = RunnerRequest | RunnerPreload;

/** Load the model, so that it is there when images come. Where that fails, those say why. */
export interface RunnerPreload {
  preload: ModelLocation;
}

/** An encoded image in a file of this machine, which nobody changes and which may be gone. */
export interface ImageFile {
  path: string;
  bytes: number;
  /** Of what it must hold. */
  sha256: string;
}

/** An encoded image: its bytes, or where a runner finds them. */
export type EncodedImage = Uint8Array | ImageFile;

export interface RunnerRequest {
  id: number;
  model: ModelLocation;
  topK: number;
  /** One to `RUNNER_BATCH`. */
  images: EncodedImage[];
}

/** Milliseconds that an image took, the mean of those that were in the model together. */
export interface ClassifyTimes {
  decodeMs: number;
  inferenceMs: number;
}

/** What a runner says: `ready` once its runtime is loaded, then one answer a request, in any order. */
export type RunnerReply =
  | { type: 'ready'; rssBytes: number }
  /** A model is in memory; said once for each. */
  | { type: 'model'; sha256: string; rssBytes: number }
  /** One result an image, in the order of the request; and what they took, where one got as far as the model. */
  | { type: 'results'; id: number; results: ImageResult[]; rssBytes: number; times?: ClassifyTimes }
  /** The model cannot be used; no image is at fault. */
  | { type: 'failed'; id: number; message: string; rssBytes: number };

/** The most images that a runner takes at once: as fast as any larger number, with less memory. */
export const RUNNER_BATCH = 8;
