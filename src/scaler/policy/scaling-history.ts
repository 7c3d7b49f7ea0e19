import { isUnknown } from '../../core/runtime/unknown.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Decision, History } from './policy.ts';

/** A need of the last 30 s still keeps idle machines, so the fleet does not shrink in a short pause. */
const NEED_WINDOW_MS = 30_000;
/** Arrivals closer together are one piece of work, or noise of the queue's approximate counts. */
const MIN_PAUSE_MS = 20_000;
const KEPT_PAUSES = 12;

/** What a controller remembers of its observations and decisions. `nowMs` is of one monotonic clock. */
export class ScalingHistory {
  #needs: { atMs: number; needed: number }[] = [];
  #pausesMs: number[] = [];
  #lastArrivalMs: number | undefined;
  #messages = 0;
  #wasWorking = false;

  /** Records whether work arrived since the last observation: more messages, or an idle fleet that starts to work. */
  observe({ backlog, throughputImagesPerSecond }: Snapshot, nowMs: number): void {
    if (isUnknown(backlog)) return;
    const messages = backlog.waiting + backlog.inFlight + backlog.delayed;
    const isWorking = throughputImagesPerSecond > 0;
    if (messages > this.#messages || (isWorking && !this.#wasWorking && this.#messages === 0)) {
      const pauseMs = nowMs - (this.#lastArrivalMs ?? nowMs);
      if (pauseMs >= MIN_PAUSE_MS) this.#pausesMs = [...this.#pausesMs, pauseMs].slice(-KEPT_PAUSES);
      this.#lastArrivalMs = nowMs;
    }
    this.#messages = messages;
    this.#wasWorking = isWorking;
  }

  recordDecision({ needed }: Decision, nowMs: number): void {
    this.#needs = this.#needs.filter(({ atMs }) => nowMs - atMs < NEED_WINDOW_MS);
    this.#needs.push({ atMs: nowMs, needed });
  }

  summary(nowMs: number): Omit<History, 'sinceLaunchMs' | 'launchLimit'> {
    const recent = this.#needs.filter(({ atMs }) => nowMs - atMs < NEED_WINDOW_MS);
    return {
      recentlyNeeded: Math.max(0, ...recent.map(({ needed }) => needed)),
      pausesMs: this.#pausesMs,
      sinceWorkMs: this.#lastArrivalMs === undefined ? undefined : nowMs - this.#lastArrivalMs,
    };
  }
}
