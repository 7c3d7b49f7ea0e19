import type { ModelRef } from '../core/model/model.ts';
import { LabelsNeededError } from '../core/model/words.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { HttpProblem } from './problem.ts';

/** A model, and the labels that a request brings itself, with their vectors. */
export interface ChosenModel {
  model: ModelRef;
  words?: Uint8Array;
}

/**
 * The named model, or the default model, with these labels.
 * @throws {ImgclsError} of kind `config` if there is no such model, and of kind `usage` if it does not go with the labels.
 */
export type ModelSelector = (
  title: string | undefined,
  labels: readonly string[] | undefined,
) => Promise<ChosenModel>;

/** A form field or a parameter has labels with commas between. */
export const labelsIn = (text: string): string[] => text.split(',');

/** Installing or removing a model takes effect after at most this time. */
const CACHE_MS = 2000;

/**
 * Caches the default model, so that not every request reads the disk. Of a named model, or of labels, an error of the caller
 * becomes a problem.
 */
export function createModelSelector(select: ModelSelector, clock: Clock): ModelSelector {
  let cached: { model: Promise<ChosenModel>; atMs: number } | undefined;
  const byDefault: ModelSelector = async (title, labels) => {
    const nowMs = clock.monotonicMs();
    if (cached === undefined || nowMs - cached.atMs > CACHE_MS)
      cached = { model: select(title, labels), atMs: nowMs };
    return await cached.model.catch((error: unknown) => {
      cached = undefined;
      throw error;
    });
  };
  return async (title, labels) => {
    const selecting = title === undefined && labels === undefined ? byDefault : select;
    return await selecting(title, labels).catch((error: unknown) => {
      throw problemOf(error, title);
    });
  };
}

function problemOf(error: unknown, title: string | undefined): unknown {
  if (!(error instanceof ImgclsError)) return error;
  if (error instanceof LabelsNeededError)
    return new HttpProblem(422, error.message, {
      hint: 'Say which labels to choose from, with commas between: labels=cat, dog, bird',
      cause: error,
    });
  if (error.kind === 'usage') return new HttpProblem(422, error.message, { hint: error.hint, cause: error });
  if (error.kind === 'config' && title !== undefined)
    return new HttpProblem(404, error.message, { hint: '"GET /v1/models" lists the models.', cause: error });
  return error;
}
