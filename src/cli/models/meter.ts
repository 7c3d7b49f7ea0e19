// Measures how fast a model is with the runners of a worker.

import { availableParallelism } from 'node:os';
import type { RunSettings } from '../../app/settings.ts';
import { isError } from '../../core/model/outcome.ts';
import type { Words } from '../../core/model/words.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import type { LibraryModel } from '../../model/library.ts';
import { openRunners } from './evaluation.ts';

/** How fast a model is with a runner on each core. */
export interface MeasuredModel {
  cores: number;
  /** Of each repetition. */
  imagesPerSecond: readonly number[];
}

/** Measures a model on photographs, with as many runners as a worker has. */
export type MeasureModel = (
  model: LibraryModel,
  photographs: readonly Uint8Array[],
) => Promise<MeasuredModel>;

/** A median of five has no use for one slow run. */
const REPETITIONS = 5;
/** Of each core in a repetition: the requests at its beginning and its end, when runners wait, take a small part of it. */
const IMAGES_PER_CORE = 64;

/** Which labels they are makes no difference to the time. */
const anyWords = (length: number): Words => ({
  sha256: '',
  labels: [{ wnid: '0', label: 'any' }],
  vectors: new Float32Array(length),
});

export function openMeter(settings: RunSettings, signal: AbortSignal): MeasureModel {
  return async ({ dir, manifest: { sha256, zeroShot } }, photographs) => {
    const cores = settings.runners ?? availableParallelism();
    const pool = openRunners(settings, cores);
    const model = { dir, sha256, ...(zeroShot && { words: anyWords(zeroShot.length) }) };
    const repeat = async () => {
      const startedMs = performance.now();
      const images = Array.from(
        { length: IMAGES_PER_CORE * cores },
        (_, at) => photographs[at % photographs.length] ?? new Uint8Array(),
      );
      const results = await Promise.all(
        images.map((image, turn) =>
          pool.classify({ image, model, topK: settings.topK, turn }, { signal, onBegin: () => {} }),
        ),
      );
      const tookMs = performance.now() - startedMs;
      const failed = results.find(isError);
      if (failed !== undefined)
        throw new ImgclsError('usage', `A photograph cannot be labelled: ${failed.error.message}`);
      return (1000 * images.length) / tookMs;
    };
    try {
      pool.warmUp(model);
      await repeat();
      const imagesPerSecond: number[] = [];
      while (imagesPerSecond.length < REPETITIONS) imagesPerSecond.push(await repeat());
      return { cores, imagesPerSecond };
    } finally {
      await pool.close();
    }
  };
}
