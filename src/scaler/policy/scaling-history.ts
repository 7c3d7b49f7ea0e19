import { isUnknown, type Snapshot } from '../snapshot.ts';
import type { Decision, History } from './policy.ts';

/** Needs of so long ago still keep idle machines: the fleet does not shrink in a pause of the work. */
const NEED_WINDOW_MS = 30_000;
/** What comes closer together is one piece of work, or the queue's counting. */
const LEAST_PAUSE_MS = 20_000;
const KEPT_PAUSES = 12;

/** What a controller remembers of what it saw and decided. Time is passed in: milliseconds of one monotonic clock. */
export class ScalingHistory {
  #needs: { atMs: number; needed: number }[] = [];
  #pausesMs: number[] = [];
  #workAtMs: number | undefined;
  #messages = 0;
  #wasWorking = false;

  /** Notes whether work has come since the last look: more messages, or a fleet that begins to do something. */
  look({ backlog, throughputImagesPerSecond }: Snapshot, nowMs: number): void {
    if (isUnknown(backlog)) return;
    const messages = backlog.waiting + backlog.inFlight + backlog.delayed;
    const isWorking = throughputImagesPerSecond > 0;
    if (messages > this.#messages || (isWorking && !this.#wasWorking && this.#messages === 0)) {
      const pauseMs = nowMs - (this.#workAtMs ?? nowMs);
      if (pauseMs >= LEAST_PAUSE_MS) this.#pausesMs = [...this.#pausesMs, pauseMs].slice(-KEPT_PAUSES);
      this.#workAtMs = nowMs;
    }
    this.#messages = messages;
    this.#wasWorking = isWorking;
  }

  note({ needed }: Decision, nowMs: number): void {
    this.#needs = this.#needs.filter(({ atMs }) => nowMs - atMs < NEED_WINDOW_MS);
    this.#needs.push({ atMs: nowMs, needed });
  }

  recall(nowMs: number): Omit<History, 'sinceLaunchMs'> {
    const recent = this.#needs.filter(({ atMs }) => nowMs - atMs < NEED_WINDOW_MS);
    return {
      recentlyNeeded: Math.max(0, ...recent.map(({ needed }) => needed)),
      pausesMs: this.#pausesMs,
      sinceWorkMs: this.#workAtMs === undefined ? undefined : nowMs - this.#workAtMs,
    };
  }
}
