import type { InTurn } from '../core/model/words.ts';
import { Budget } from '../core/runtime/budget.ts';
import { LABEL_PLACES } from './limits.ts';
import { Shares } from './shares.ts';

const never = new AbortController().signal;

/** Sets of new labels of all callers: one is made at a time, and few wait. */
export class LabelLine {
  readonly #places = new Shares({
    total: LABEL_PLACES,
    what: 'sets of new labels under way',
    retryAfterSeconds: 5,
  });
  readonly #oneAtATime = new Budget(1);

  /** Makes a set in its turn. It throws an {@link HttpProblem}, 429 or 503, if too many are under way. */
  inTurnOf(caller: string): InTurn {
    return async (make) => {
      this.#places.take(caller, 1);
      try {
        await this.#oneAtATime.take(1, never);
        try {
          return await make();
        } finally {
          this.#oneAtATime.give(1);
        }
      } finally {
        this.#places.giveBack(caller, 1);
      }
    };
  }
}
