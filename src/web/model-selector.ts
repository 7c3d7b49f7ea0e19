import type { ModelRef } from '../core/model/model.ts';
import { type InTurn, LabelsNeededError } from '../core/model/words.ts';
import { unlessAborted, withTimeLimit } from '../core/runtime/abort.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { LabelLine } from './label-line.ts';
import { HttpProblem } from './problem.ts';

/** A model, and the labels that a request brings itself, with their vectors. */
export interface ChosenModel {
  model: ModelRef;
  words?: Uint8Array;
}

/**
 * The named model, or the default model, with these labels.
 * @param inTurn runs the making of labels that are not known.
 * @throws {ImgclsError} of kind `config` if there is no such model, and of kind `usage` if it does not go with the labels.
 */
export type SelectModel = (
  title: string | undefined,
  labels: readonly string[] | undefined,
  inTurn: InTurn,
) => Promise<ChosenModel>;

export interface ModelRequest {
  /** Default: the default model. */
  title: string | undefined;
  labels: readonly string[] | undefined;
  /** Whose share of the places for labels it takes. */
  caller: string;
  /** How long to wait for labels. */
  waitMs: number;
}

/** @throws {HttpProblem} also 429 or 503 if too many labels are under way, or they are not ready in time. */
export type ModelSelector = (request: ModelRequest) => Promise<ChosenModel>;

/** A form field or a parameter has labels with commas between. */
export const labelsIn = (text: string): string[] => text.split(',');

/** Installing or removing a model takes effect after at most this time. */
const CACHE_MS = 2000;

/**
 * Caches the default model, so that not every request reads the disk. Of a named model, or of labels, an error of the caller
 * becomes a problem.
 */
export function createModelSelector(select: SelectModel, clock: Clock): ModelSelector {
  let cached: { model: Promise<ChosenModel>; atMs: number } | undefined;
  const line = new LabelLine();
  const chosen = ({ title, labels, caller }: ModelRequest) => select(title, labels, line.inTurnOf(caller));
  const byDefault: ModelSelector = async (request) => {
    const nowMs = clock.monotonicMs();
    if (cached === undefined || nowMs - cached.atMs > CACHE_MS)
      cached = { model: chosen(request), atMs: nowMs };
    return await cached.model.catch((error: unknown) => {
      cached = undefined;
      throw error;
    });
  };
  return async (request) => {
    const { title, labels, waitMs: ms } = request;
    try {
      if (labels !== undefined)
        return await withTimeLimit({ clock, ms, error: notReady }, (late) =>
          unlessAborted(chosen(request), late),
        );
      return await (title === undefined ? byDefault(request) : chosen(request));
    } catch (error) {
      throw problemOf(error, title);
    }
  };
}

const notReady = (): HttpProblem =>
  new HttpProblem(503, 'The labels are not ready yet: the service prepares one set of labels at a time.', {
    hint: 'Repeat the request in some seconds, or send fewer labels.',
  });

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
