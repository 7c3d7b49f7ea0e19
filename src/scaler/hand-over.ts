import type { Queue, Store } from '../core/cloud/ports.ts';
import { ACTIVE_PREFIX, activeKey } from '../core/job/keys.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { ImgclsError, isTransient } from '../core/runtime/errors.ts';
import { retry } from '../core/runtime/retry.ts';
import type { LockKeeper } from './lock.ts';

/** How long a controller that leaves waits for transient errors: ten pauses of 1 s. */
const RETRIES = { baseMs: 1000, maxMs: 1000, maxRetries: 10, mayRetry: isTransient };

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
  await withRetries(options.clock, () => leave(options, givenUp));
}

/**
 * How a controller leaves that was told to end every worker, whatever work is left; then it lets go of the lock.
 * @throws {ImgclsError} where the lock is another's, which sees to the workers.
 */
export async function drainAndReleaseLock({
  lock,
  endWorkers,
  clock,
}: Pick<HandOverOptions, 'lock' | 'endWorkers' | 'clock'>): Promise<void> {
  await withRetries(clock, async () => {
    // Nobody renewed it while the loop waited for what was under way.
    await lock.keep();
    if (lock.epoch === undefined || !(await endWorkers()))
      throw new ImgclsError(
        'permanent',
        `The workers were not drained: another controller (${lock.holder}) has the lock.`,
        { hint: 'It sees to them. Give --drain-on-exit to the one that ends last.' },
      );
    await lock.release();
  });
}

/** How a controller leaves whose workers stay as they are: the next one need not wait until the lock expires. */
export async function releaseLock({ lock, clock }: Pick<HandOverOptions, 'lock' | 'clock'>): Promise<void> {
  await withRetries(clock, () => lock.release());
}

const withRetries = (clock: Clock, operation: () => Promise<void>): Promise<void> =>
  retry(operation, RETRIES, { clock, random: () => 1 });

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
