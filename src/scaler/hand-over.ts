import type { Clock } from '../core/clock.ts';
import { isTransient } from '../core/errors.ts';
import { ACTIVE_PREFIX, activeKey } from '../core/keys.ts';
import type { Queue, Store } from '../core/ports.ts';
import type { LockKeeper } from './lock.ts';

const PAUSE_MS = 1000;
/** Faults of the world that the way out waits for. */
const MAX_TRIES = 10;

export interface HandOverOptions {
  lock: LockKeeper;
  output: Store;
  /** The request queue. */
  requests: Queue;
  /** Ends every worker of this machine, once it has finished what it has begun; false where the lock was lost meanwhile. */
  endWorkers(): Promise<boolean>;
  clock: Clock;
}

/**
 * How a controller of one machine leaves: the one that holds the lock drains the workers when there is no work left but
 * that of `givenUp`, else leaves them to the next holder; then it lets go of the lock. So a job ends although the
 * process that started the workers is gone, and nothing stays behind at the end.
 */
export async function handOver(options: HandOverOptions, givenUp: readonly string[]): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return await leave(options, givenUp);
    } catch (error) {
      if (!isTransient(error) || tries === MAX_TRIES) throw error;
      await options.clock.sleep(PAUSE_MS);
    }
  }
}

async function leave(options: HandOverOptions, givenUp: readonly string[]): Promise<void> {
  const { lock } = options;
  for (;;) {
    // Takes the lock where the last holder has left: else nobody would see to its workers.
    await lock.keep();
    if (lock.epoch === undefined) return;
    if (!(await isWorkLeft(options, givenUp))) {
      await options.endWorkers();
      await lock.release();
      return;
    }
    await lock.release();
    // The other job may have ended between the look and the release, and its waiter have found the lock held.
    if (await isWorkLeft(options, givenUp)) return;
  }
}

/**
 * Whether another job is unfinished and has something in the queue. A job whose submitter was killed stays unfinished; it
 * keeps workers running no longer than there is something to do.
 */
async function isWorkLeft(
  { output, requests }: HandOverOptions,
  givenUp: readonly string[],
): Promise<boolean> {
  const { waiting, inFlight, delayed } = await requests.depth();
  if (waiting + inFlight + delayed === 0) return false;
  const excepted = new Set(givenUp.map(activeKey));
  for await (const { key } of output.list(ACTIVE_PREFIX)) if (!excepted.has(key)) return true;
  return false;
}
