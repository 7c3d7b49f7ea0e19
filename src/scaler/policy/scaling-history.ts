import type { Arrived } from '../snapshot.ts';
import type { Decision, History, PastArrival } from './policy.ts';

/** A need of the last 15 s still keeps idle machines, so the fleet does not shrink in a short pause. */
const NEED_WINDOW_MS = 15_000;
const KEPT_ARRIVALS = 100;

/** What a controller remembers of its observations and decisions. `nowMs` is of one monotonic clock. */
export class ScalingHistory {
  #needs: { atMs: number; needed: number }[] = [];
  #onStandby = 0;
  #arrivals: { atMs: number; workMs: number }[] = [];

  observe({ jobs, workMs }: Arrived, nowMs: number): void {
    const last = this.#arrivals.at(-1);
    // A job arrives when it is created. How much work it is shows once it is sealed, and that is no second arrival.
    if (jobs === 0 && last !== undefined) last.workMs += workMs;
    else if (jobs > 0 || workMs > 0)
      this.#arrivals = [...this.#arrivals, { atMs: nowMs, workMs }].slice(-KEPT_ARRIVALS);
  }

  recordDecision({ needed, onStandby }: Decision, nowMs: number): void {
    this.#onStandby = onStandby ?? this.#onStandby;
    this.#needs = this.#needs.filter(({ atMs }) => nowMs - atMs < NEED_WINDOW_MS);
    this.#needs.push({ atMs: nowMs, needed });
  }

  summary(nowMs: number): Omit<History, 'sinceLaunchMs' | 'launchLimit'> {
    const recent = this.#needs.filter(({ atMs }) => nowMs - atMs < NEED_WINDOW_MS);
    const arrivals = this.#arrivals.map(({ atMs, workMs }): PastArrival => ({ agoMs: nowMs - atMs, workMs }));
    return {
      recentlyNeeded: Math.max(0, ...recent.map(({ needed }) => needed)),
      onStandby: this.#onStandby,
      arrivals,
    };
  }
}
