import type { ModelRef } from '../core/model/model.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { HttpProblem } from './problem.ts';

/** The named model, or the default model. @throws {HttpProblem} */
export type ModelSelector = (title: string | undefined) => Promise<ModelRef>;

/** As {@link ModelSelector}, with the labels that a job brings itself. @throws {ImgclsError} */
export type LabelledModelSelector = (
  title: string | undefined,
  labels: readonly string[],
) => Promise<{ model: ModelRef; words?: Uint8Array }>;

/** Installing or removing a model takes effect after at most this time. */
const CACHE_MS = 2000;

/** Caches the default model, so that not every request reads the disk. */
export function createModelSelector(select: ModelSelector, clock: Clock): ModelSelector {
  let cached: { model: Promise<ModelRef>; atMs: number } | undefined;
  return async (title) => {
    if (title !== undefined) return await selectNamed(title, select);
    const nowMs = clock.monotonicMs();
    if (cached === undefined || nowMs - cached.atMs > CACHE_MS)
      cached = { model: select(undefined), atMs: nowMs };
    return await cached.model.catch((error: unknown) => {
      cached = undefined;
      throw error;
    });
  };
}

async function selectNamed(title: string, select: ModelSelector): Promise<ModelRef> {
  try {
    return await select(title);
  } catch (error) {
    if (!(error instanceof ImgclsError)) throw error;
    throw new HttpProblem(404, error.message, { hint: '"GET /v1/models" lists the models.', cause: error });
  }
}
