import type { Clock } from '../runtime/clock.ts';

/** No turn of a loop of ours takes as long, not even one whose requests are all tried again and time out. */
const STANDSTILL_MS = 600_000;

/** Whether the loops of a process still come round: each says so at every turn. One that nobody has heard of is no concern. */
export class Liveness {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #turnedAtMs = new Map<string, number>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** The loop has come round, and will again. */
  heartbeat(loop: string): void {
    this.#turnedAtMs.set(loop, this.#clock.monotonicMs());
  }

  /** The loop has ended, or waits for what has limits of its own: until its next turn nothing is expected of it. */
  idle(loop: string): void {
    this.#turnedAtMs.delete(loop);
  }

  /** The loops that should have come round and have not. */
  stalled(): string[] {
    const beforeMs = this.#clock.monotonicMs() - STANDSTILL_MS;
    return [...this.#turnedAtMs].filter(([, turnedAtMs]) => turnedAtMs < beforeMs).map(([loop]) => loop);
  }
}
