import type { Clock } from '../core/clock.ts';
import { isTransient } from '../core/errors.ts';
import { ACTIVE_PREFIX, activeKey } from '../core/keys.ts';
import type { Queue, Store } from '../core/ports.ts';
import type { Fleet } from './fleet.ts';
import type { LockKeeper } from './lock.ts';

const TICK_MS = 1000;
/** Faults of the world that the way out waits for. */
const MAX_LEAVE_TRIES = 10;

export interface StandByOptions {
  lock: LockKeeper;
  fleet: Fleet;
  output: Store;
  /** The request queue. */
  requests: Queue;
  /** How many workers are kept running. */
  workers: number;
  clock: Clock;
  /** Told of what ends the standing by: without it, nobody sees to the workers. */
  onFailure(error: unknown): void;
}

export interface StandBy {
  /**
   * Leaves. A holder of the controller lock drains the workers when there is no work left but that of `givenUp`, else
   * leaves them to the next holder; then it lets go of the lock.
   */
  leave(givenUp: readonly string[]): Promise<void>;
}

/**
 * One machine's minimal controller: every waiter stands by for the controller lock, and the one that holds it keeps
 * workers running. So a job ends although the process that started the workers was killed.
 */
export function standBy(options: StandByOptions): StandBy {
  const { lock, fleet, clock } = options;
  const leaving = new AbortController();

  async function tick(): Promise<void> {
    await lock.keep();
    if (lock.epoch === undefined) return;
    for (let missing = options.workers - (await fleet.capacity()); missing > 0; missing--)
      await fleet.launch();
  }

  async function loop(): Promise<void> {
    while (!leaving.signal.aborted) {
      try {
        await tick();
      } catch (error) {
        if (!isTransient(error)) throw error;
      }
      await clock.sleep(TICK_MS, leaving.signal);
    }
  }
  const ended = loop().catch(options.onFailure);

  return {
    async leave(givenUp) {
      leaving.abort();
      await ended;
      for (let tries = 0; ; tries++) {
        try {
          return await handOver(givenUp);
        } catch (error) {
          if (!isTransient(error) || tries === MAX_LEAVE_TRIES) throw error;
          await clock.sleep(TICK_MS);
        }
      }
    },
  };

  async function handOver(givenUp: readonly string[]): Promise<void> {
    for (;;) {
      // Takes the lock where the last holder has left: else nobody would see to its workers.
      await lock.keep();
      if (lock.epoch === undefined) return;
      if (!(await isWorkLeft(options, givenUp))) {
        await fleet.drain();
        await lock.release();
        return;
      }
      await lock.release();
      // The other job may have ended between the look and the release, and its waiter have found the lock held.
      if (await isWorkLeft(options, givenUp)) return;
    }
  }
}

/**
 * Whether another job is unfinished and has something in the queue. A job whose submitter was killed stays unfinished; it
 * keeps workers running no longer than there is something to do.
 */
async function isWorkLeft(
  { output, requests }: StandByOptions,
  givenUp: readonly string[],
): Promise<boolean> {
  const { waiting, inFlight, delayed } = await requests.depth();
  if (waiting + inFlight + delayed === 0) return false;
  const excepted = new Set(givenUp.map(activeKey));
  for await (const { key } of output.list(ACTIVE_PREFIX)) if (!excepted.has(key)) return true;
  return false;
}
