import type { Queue, Store } from '../core/cloud/ports.ts';
import { listActiveJobs } from '../core/job/job-record.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { ImgclsError, isTransient } from '../core/runtime/errors.ts';
import { retry } from '../core/runtime/retry.ts';
import type { LockKeeper } from './lock.ts';

/** Ten retries, 1 s apart. */
const RETRIES = { baseMs: 1000, maxMs: 1000, maxRetries: 10, mayRetry: isTransient };

export interface HandOverOptions {
  lock: LockKeeper;
  output: Store;
  /** The request queue. */
  requests: Queue;
  /** Drains every worker of this machine; false if the lock was lost meanwhile. */
  endWorkers(): Promise<boolean>;
  clock: Clock;
}

/**
 * Ends a controller of one machine. If it holds the lock, and only cancelled jobs have work left, it drains the workers;
 * else it leaves them to the next holder. Then it releases the lock. A job therefore goes on when the process that started
 * the workers is gone, and no worker is left when there is no work.
 */
export async function handOver(options: HandOverOptions, abandoned: readonly string[]): Promise<void> {
  await withRetries(options.clock, () => drainOrLeave(options, abandoned));
}

/**
 * Ends a controller that has to drain every worker, whatever work is left. Then it releases the lock.
 * @throws {ImgclsError} if another controller has the lock.
 */
export async function drainAndReleaseLock({
  lock,
  endWorkers,
  clock,
}: Pick<HandOverOptions, 'lock' | 'endWorkers' | 'clock'>): Promise<void> {
  await withRetries(clock, async () => {
    // The lock was not renewed while the loop finished its last tick.
    await lock.keep();
    if (lock.epoch === undefined || !(await endWorkers()))
      throw new ImgclsError(
        'permanent',
        `The workers were not drained: another controller (${lock.holder}) has the lock.`,
        { hint: 'It manages them now. Give --drain-on-exit to the controller that ends last.' },
      );
    await lock.release();
  });
}

/** Ends a controller and leaves its workers alone. The next controller need not wait until the lock expires. */
export async function releaseLock({ lock, clock }: Pick<HandOverOptions, 'lock' | 'clock'>): Promise<void> {
  await withRetries(clock, () => lock.release());
}

const withRetries = (clock: Clock, operation: () => Promise<void>): Promise<void> =>
  retry(operation, RETRIES, { clock, random: () => 1 });

async function drainOrLeave(options: HandOverOptions, abandoned: readonly string[]): Promise<void> {
  const { lock } = options;
  for (;;) {
    // Takes the lock if the last holder has ended, so that its workers are managed.
    await lock.keep();
    if (lock.epoch === undefined) return;
    if (!(await isWorkLeft(options, abandoned))) {
      await options.endWorkers();
      await lock.release();
      return;
    }
    await lock.release();
    // The other job may have ended before the release, and its own controller may have found the lock held.
    if (await isWorkLeft(options, abandoned)) return;
  }
}

/**
 * Whether another job is unfinished and the queue has messages. A job whose submitter was killed stays unfinished, but does
 * not keep workers when the queue is empty.
 */
async function isWorkLeft(
  { output, requests }: HandOverOptions,
  abandoned: readonly string[],
): Promise<boolean> {
  const { waiting, inFlight, delayed } = await requests.depth();
  if (waiting + inFlight + delayed === 0) return false;
  for await (const id of listActiveJobs(output)) if (!abandoned.includes(id)) return true;
  return false;
}
