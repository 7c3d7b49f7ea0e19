import { Budget } from '../../core/runtime/budget.ts';
import type { Clock } from '../../core/runtime/clock.ts';

/** Requests to one host at a time: fewer than a browser makes for a page. */
const REQUESTS_AT_ONCE = 4;
/** The longest pause that a server is granted at a time. It may also ask for hours. */
const LONGEST_PAUSE_MS = 60_000;
/** All pauses of one host in a job: a host that always asks for one would hold up the images of the others. */
const MAX_PAUSES_MS = 5 * 60_000;
/** A host that did not answer so often in a row is not asked again: each time takes as long as the time limit. */
const MAX_SILENCES = 8;

interface Host {
  slots: Budget;
  /** The end of its pause, by the monotonic clock. */
  freeAtMs: number;
  pausedMs: number;
  silences: number;
}

/** Asks each host a few times at a time, and not before the end of a pause that it asked for. */
export class HostTurns {
  readonly #clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
  readonly #hosts = new Map<string, Host>();

  constructor(clock: Pick<Clock, 'monotonicMs' | 'sleep'>) {
    this.#clock = clock;
  }

  async run<T>(name: string, signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
    const host = this.#hostOf(name);
    await host.slots.take(1, signal);
    try {
      await this.#clock.sleep(Math.max(0, host.freeAtMs - this.#clock.monotonicMs()), signal);
      signal.throwIfAborted();
      return await ask();
    } finally {
      host.slots.give(1);
    }
  }

  /** Grants a pause. @returns false if it is too long. */
  pause(name: string, ms: number): boolean {
    const host = this.#hostOf(name);
    const nowMs = this.#clock.monotonicMs();
    const addedMs = Math.max(0, nowMs + ms - Math.max(nowMs, host.freeAtMs));
    if (ms > LONGEST_PAUSE_MS || host.pausedMs + addedMs > MAX_PAUSES_MS) return false;
    host.pausedMs += addedMs;
    host.freeAtMs = Math.max(host.freeAtMs, nowMs + ms);
    return true;
  }

  noteAnswer(name: string): void {
    this.#hostOf(name).silences = 0;
  }

  noteSilence(name: string): void {
    this.#hostOf(name).silences++;
  }

  isSilent(name: string): boolean {
    return this.#hostOf(name).silences >= MAX_SILENCES;
  }

  #hostOf(name: string): Host {
    const host = this.#hosts.get(name) ?? {
      slots: new Budget(REQUESTS_AT_ONCE),
      freeAtMs: 0,
      pausedMs: 0,
      silences: 0,
    };
    this.#hosts.set(name, host);
    return host;
  }
}
