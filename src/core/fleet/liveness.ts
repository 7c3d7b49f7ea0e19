import type { Clock } from '../runtime/clock.ts';

/** No pass of a loop takes longer, not even one whose requests all time out and are retried. */
const STALLED_AFTER_MS = 600_000;

/** Detects loops of a process that have stalled. Each loop sends a heartbeat in every pass. */
export class Liveness {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #heartbeatAtMs = new Map<string, number>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** The loop runs, and will send its next heartbeat in time. */
  heartbeat(loop: string): void {
    this.#heartbeatAtMs.set(loop, this.#clock.monotonicMs());
  }

  /** The loop has ended, or waits for something that has its own time limit. It cannot stall until its next heartbeat. */
  idle(loop: string): void {
    this.#heartbeatAtMs.delete(loop);
  }

  /** The loops whose heartbeat is overdue. */
  stalled(): string[] {
    const beforeMs = this.#clock.monotonicMs() - STALLED_AFTER_MS;
    return [...this.#heartbeatAtMs]
      .filter(([, heartbeatAtMs]) => heartbeatAtMs < beforeMs)
      .map(([loop]) => loop);
  }
}
