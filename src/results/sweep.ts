import type { Cloud } from '../core/cloud/ports.ts';
import type { Chore } from '../core/fleet/chore.ts';
import { FLEET_PREFIX, IDEMPOTENCY_PREFIX, isResponseQueue, responseQueuePrefix } from '../core/job/keys.ts';
import type { Clock } from '../core/runtime/clock.ts';

const HOUR_MS = 3_600_000;
const QUEUE_MAX_AGE_MS = 24 * HOUR_MS;
const STATUS_MAX_SILENCE_MS = HOUR_MS;
const SWEEP_EVERY_MS = 10 * 60_000;
const MAX_QUEUES = 100;
const IDEMPOTENCY_MS = 24 * HOUR_MS;
const MAX_KEYS = 1000;

/** Response queues that are older than any wait should be. */
export async function* orphanedQueues(cloud: Cloud, nowMs: number): AsyncGenerator<string> {
  for await (const { name, createdAtMs } of cloud.queues.list(responseQueuePrefix(cloud.cluster)))
    if (isResponseQueue(cloud.cluster, name) && nowMs - createdAtMs > QUEUE_MAX_AGE_MS) yield name;
}

/**
 * Removes response queues that their waiters left behind: those older than a day. A waiter that waits longer follows
 * the ledger from then on.
 */
export function sweepResponseQueues(cloud: Cloud, clock: Clock): Chore {
  return {
    name: 'sweep of the response queues',
    everyMs: SWEEP_EVERY_MS,
    async run(signal, tell) {
      const orphans: string[] = [];
      for await (const name of orphanedQueues(cloud, clock.nowMs())) {
        orphans.push(name);
        if (orphans.length === MAX_QUEUES || signal.aborted) break;
      }
      for (const name of orphans) {
        signal.throwIfAborted();
        await cloud.queues.remove(name);
      }
      if (orphans.length > 0)
        tell({ text: `Response queues removed whose waiters are long gone: ${orphans.length}.` });
    },
  };
}

/** Removes what says which job an `Idempotency-Key` made: nobody repeats a request of yesterday. */
export function sweepIdempotencyKeys(cloud: Cloud, clock: Clock): Chore {
  return {
    name: 'sweep of the idempotency keys',
    everyMs: HOUR_MS,
    async run(signal) {
      const old: string[] = [];
      for await (const { key, modifiedAtMs } of cloud.output.list(IDEMPOTENCY_PREFIX, { signal })) {
        if (clock.nowMs() - modifiedAtMs > IDEMPOTENCY_MS) old.push(key);
        if (old.length === MAX_KEYS) break;
      }
      await cloud.output.delete(old, signal);
    },
  };
}

/** Removes the statuses of workers that have said nothing for an hour: they ended without taking leave. */
export function sweepStatuses(cloud: Cloud, clock: Clock): Chore {
  return {
    name: 'sweep of the worker statuses',
    everyMs: SWEEP_EVERY_MS,
    async run(signal, tell) {
      const silent: string[] = [];
      for await (const { key, modifiedAtMs } of cloud.output.list(FLEET_PREFIX, { signal }))
        if (clock.nowMs() - modifiedAtMs > STATUS_MAX_SILENCE_MS) silent.push(key);
      if (silent.length === 0) return;
      await cloud.output.delete(silent, signal);
      tell({ text: `Worker statuses removed whose workers are long gone: ${silent.length}.` });
    },
  };
}
