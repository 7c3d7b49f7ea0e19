import { withTimeLimit } from '../core/runtime/abort.ts';
import { Budget } from '../core/runtime/budget.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { HttpProblem } from './problem.ts';

export interface TurnsOptions {
  /** Images of one caller that are with the workers at a time. */
  atATime: number;
  /** For the wait and the work together. */
  timeoutMs: number;
  clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
}

/** Sends a few images of each caller to the workers at a time, so that a worker always has room for another caller's. */
export class Turns {
  readonly #options: TurnsOptions;
  readonly #byCaller = new Map<string, Budget>();

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /**
   * @param work gets a function that tells the time that is left.
   * @throws {HttpProblem} if the caller's earlier images take all of the time.
   */
  async run<T>(caller: string, signal: AbortSignal, work: (leftMs: () => number) => Promise<T>): Promise<T> {
    const { atATime, timeoutMs, clock } = this.#options;
    const untilMs = clock.monotonicMs() + timeoutMs;
    const turns = this.#byCaller.get(caller) ?? new Budget(atATime);
    this.#byCaller.set(caller, turns);
    await withTimeLimit({ clock, ms: timeoutMs, error: tooLate }, (late) =>
      turns.take(1, AbortSignal.any([signal, late])),
    );
    try {
      return await work(() => Math.max(1, untilMs - clock.monotonicMs()));
    } finally {
      turns.give(1);
      if (turns.used === 0) this.#byCaller.delete(caller);
    }
  }
}

const tooLate = (): HttpProblem =>
  new HttpProblem(504, 'Earlier images of your address took all of the time.', {
    hint: 'Send fewer images at a time, or a job.',
  });
