import type { Cloud } from '../core/cloud/ports.ts';
import type { Chore } from '../core/fleet/chore.ts';
import {
  CLASSIFY_PREFIX,
  FLEET_PREFIX,
  IDEMPOTENCY_PREFIX,
  isResponseQueue,
  responseQueuePrefix,
} from '../core/job/keys.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { pluralize } from '../core/text/pluralize.ts';
import { oldImages } from './expire.ts';

const HOUR_MS = 3_600_000;
const QUEUE_MAX_AGE_MS = 24 * HOUR_MS;
const STATUS_MAX_SILENCE_MS = HOUR_MS;
const SWEEP_EVERY_MS = 10 * 60_000;
const MAX_QUEUES = 100;
const IDEMPOTENCY_MS = 24 * HOUR_MS;
const MAX_KEYS = 1000;
/** Images that one run deletes, a few seconds of work. The next run continues. */
const MAX_IMAGES = 10_000;

/** Response queues that are older than a wait should last. */
export async function* orphanedQueues(cloud: Cloud, nowMs: number): AsyncGenerator<string> {
  for await (const { name, createdAtMs } of cloud.queues.list(responseQueuePrefix(cloud.cluster)))
    if (isResponseQueue(cloud.cluster, name) && nowMs - createdAtMs > QUEUE_MAX_AGE_MS) yield name;
}

/** Deletes stored images by age. For a cloud without lifecycle rules: the one of this machine. */
export function expireImages(cloud: Cloud, clock: Clock): Chore {
  return {
    name: 'image expiry',
    everyMs: HOUR_MS,
    async run(signal, report) {
      const nowMs = clock.nowMs();
      const expired: string[] = [];
      for await (const { key, modifiedAtMs } of cloud.input.list(CLASSIFY_PREFIX, { signal }))
        if (nowMs - modifiedAtMs > HOUR_MS) expired.push(key);
      for await (const { key } of oldImages(cloud, { nowMs, signal })) {
        if (expired.length >= MAX_IMAGES) break;
        expired.push(key);
      }
      await cloud.input.delete(expired, signal);
      if (expired.length > 0) report({ text: `Deleted ${pluralize(expired.length, 'expired image')}.` });
    },
  };
}

/**
 * Deletes response queues that are older than a day: their waiters have ended. A waiter that waits longer continues with
 * the ledger.
 */
export function sweepResponseQueues(cloud: Cloud, clock: Clock): Chore {
  return {
    name: 'response-queue sweep',
    everyMs: SWEEP_EVERY_MS,
    async run(signal, report) {
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
        report({
          text: `Deleted ${pluralize(orphans.length, 'response queue')} of waiters that have ended.`,
        });
    },
  };
}

/** Deletes idempotency keys older than a day: a request is not repeated that late. */
export function sweepIdempotencyKeys(cloud: Cloud, clock: Clock): Chore {
  return {
    name: 'idempotency-key sweep',
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

/** Deletes the statuses of workers that have been silent for an hour: these workers crashed or were killed. */
export function sweepStatuses(cloud: Cloud, clock: Clock): Chore {
  return {
    name: 'worker-status sweep',
    everyMs: SWEEP_EVERY_MS,
    async run(signal, report) {
      const silent: string[] = [];
      for await (const { key, modifiedAtMs } of cloud.output.list(FLEET_PREFIX, { signal }))
        if (clock.nowMs() - modifiedAtMs > STATUS_MAX_SILENCE_MS) silent.push(key);
      if (silent.length === 0) return;
      await cloud.output.delete(silent, signal);
      const isOne = silent.length === 1;
      report({
        text: `Deleted ${isOne ? 'the status of 1 worker' : `the statuses of ${silent.length} workers`} silent for an hour.`,
      });
    },
  };
}
