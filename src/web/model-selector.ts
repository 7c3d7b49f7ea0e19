import type { ModelRef } from '../core/model/model.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { HttpProblem } from './problem.ts';

/** The model that a caller names, or the usual one. @throws {HttpProblem} */
export type ModelSelector = (title: string | undefined) => Promise<ModelRef>;

/** A model that was installed or removed is known after so long. */
const KNOWN_MS = 2000;

/** Looks at the disk now and then, not for each request. */
export function createModelSelector(select: ModelSelector, clock: Clock): ModelSelector {
  let usual: { model: Promise<ModelRef>; atMs: number } | undefined;
  return async (title) => {
    if (title !== undefined) return await named(title, select);
    const nowMs = clock.monotonicMs();
    if (usual === undefined || nowMs - usual.atMs > KNOWN_MS)
      usual = { model: select(undefined), atMs: nowMs };
    return await usual.model.catch((error: unknown) => {
      usual = undefined;
      throw error;
    });
  };
}

async function named(title: string, select: ModelSelector): Promise<ModelRef> {
  try {
    return await select(title);
  } catch (error) {
    if (!(error instanceof ImgclsError)) throw error;
    throw new HttpProblem(404, error.message, { hint: '"GET /v1/models" lists the models.', cause: error });
  }
}
