import { ImgclsError } from '../core/runtime/errors.ts';
import { duration } from '../core/text/duration.ts';
import type { LaunchAnswer } from '../scaler/fleet.ts';

/** A worker starts within seconds. A shortage that lasts longer does not end by itself. */
const MAX_MS = 60_000;

/** Ends a wait for outcomes when no worker can be started for a minute. */
export class RefusedLaunches {
  #sinceMs: number | undefined;

  /**
   * @param answer of the launch of a tick; undefined if nothing had to be launched.
   * @returns the error that ends the wait, once all launches of a minute were refused.
   */
  note(answer: LaunchAnswer | undefined, monotonicMs: number): ImgclsError | undefined {
    const refused = answer?.retryable;
    if (refused === undefined) {
      this.#sinceMs = undefined;
      return undefined;
    }
    this.#sinceMs ??= monotonicMs;
    if (monotonicMs - this.#sinceMs < MAX_MS) return undefined;
    return new ImgclsError('transient', `Cannot start a worker for ${duration(MAX_MS)}: ${refused.why}.`, {
      hint: 'End other programs, or raise the limits of this user, such as that of open files ("ulimit -n 1024").',
    });
  }
}
