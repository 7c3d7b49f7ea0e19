// Checks of a cluster's buckets, queues and controller, by calls that change nothing.

import type { Caller, Permissions } from '../core/aws-account/account.ts';
import { requireConditionalWrites } from '../core/cloud/conditional-writes.ts';
import type { QueueDepth, QueueService, Store } from '../core/cloud/ports.ts';
import { readControllerLock } from '../core/fleet/controller-lock.ts';
import type { ControllerTiming } from '../core/fleet/controller-timing.ts';
import { ttlMsOf } from '../core/fleet/fleet.ts';
import { isResting } from '../core/fleet/lock-state.ts';
import { liveReports } from '../core/fleet/worker-reports.ts';
import { activeKey, jobKey, requestQueueName, responseQueueName } from '../core/job/keys.ts';
import type { Clock } from '../core/runtime/clock.ts';
import {
  MISSING_QUEUE_HINT,
  messageOf,
  ObjectMissingError,
  QueueMissingError,
} from '../core/runtime/errors.ts';
import { readReport } from '../scaler/report.ts';
import { actionNeeded, type CheckResult, ok, unknown } from './check.ts';

/** In keys of objects that no image and no job has. */
const PROBE_ID = 'doctor';

/** Checks list, read and write access to images. @throws {ImgclsError} naming the missing permission. */
export async function checkInputBucket(store: Store): Promise<CheckResult> {
  const key = `images/${PROBE_ID}`;
  await requireList(store, 'images/');
  await requireGet(store, key);
  await requireConditionalWrites(store, key);
  return ok(`${store.bucket}: images can be stored and read`);
}

/** Checks list, read, write and delete access to jobs. @throws {ImgclsError} naming the missing permission. */
export async function checkOutputBucket(store: Store): Promise<CheckResult> {
  const key = jobKey(PROBE_ID);
  await requireList(store, 'jobs/');
  await requireGet(store, key);
  await requireConditionalWrites(store, key);
  await store.delete([activeKey(PROBE_ID)]);
  return ok(`${store.bucket}: jobs can be created, read and finished`);
}

async function requireList(store: Store, prefix: string): Promise<void> {
  for await (const _ of store.list(prefix)) return;
}

async function requireGet(store: Store, key: string): Promise<void> {
  try {
    await store.get(key);
  } catch (error) {
    if (!(error instanceof ObjectMissingError)) throw error;
  }
}

export interface SenderParts {
  queues: QueueService;
  cluster: string;
  /** Undefined for credentials of another server, which has no policy simulator. */
  caller: Caller | undefined;
  permissions: Permissions;
}

/** Trying to send would leave a message behind, so the IAM policy simulator is asked, if it is permitted. */
export async function checkRequestQueue({
  queues,
  cluster,
  caller,
  permissions,
}: SenderParts): Promise<CheckResult> {
  const name = requestQueueName(cluster);
  const depth = await depthOf(queues, name);
  if (depth === undefined) return queueMissing(name);
  const waiting = `${name}: ${depth.waiting} waiting`;
  if (caller === undefined) return ok(waiting);
  const partition = caller.arn.split(':')[1] ?? 'aws';
  const action = 'sqs:SendMessage';
  const resource = `arn:${partition}:sqs:${caller.region}:${caller.account}:${name}`;
  try {
    const [lacking] = await permissions.lacking(caller.arn, [{ action, resource }]);
    if (lacking === undefined) return ok(`${waiting}; jobs can be sent`);
    return actionNeeded(`${caller.arn} may not send to ${name}.`, `Allow ${action} on ${resource} to it.`);
  } catch (error) {
    return unknown(`${waiting}; cannot tell whether jobs can be sent: ${messageOf(error)}`);
  }
}

/** A queue that only some commands need: without access to it the result is unknown. */
export async function checkOptionalQueue(
  queues: QueueService,
  name: string,
  users: string,
): Promise<CheckResult> {
  try {
    const depth = await depthOf(queues, name);
    return depth === undefined ? queueMissing(name) : ok(`${name}: ${depth.waiting} waiting`);
  } catch (error) {
    return unknown(`only ${users} needs it: ${messageOf(error)}`);
  }
}

async function depthOf(queues: QueueService, name: string): Promise<QueueDepth | undefined> {
  try {
    return await queues.open(name).depth();
  } catch (error) {
    if (error instanceof QueueMissingError) return undefined;
    throw error;
  }
}

const queueMissing = (name: string): CheckResult =>
  actionNeeded(`queue ${name} does not exist.`, MISSING_QUEUE_HINT);

/** Creates, reads and deletes a response queue, as every waiter does. @param id of a waiter. */
export async function checkResponseQueue(
  queues: QueueService,
  cluster: string,
  id: string,
): Promise<CheckResult> {
  const name = responseQueueName(cluster, id);
  const queue = await queues.create(name);
  try {
    await queue.receive({ max: 1, waitMs: 0, leaseMs: 1000 });
  } finally {
    await queues.remove(name);
  }
  return ok('can be created, read and deleted');
}

export interface ControllerCheckParts {
  output: Store;
  timing: Pick<ControllerTiming, 'lockTtlMs'>;
  clock: Clock;
  signal: AbortSignal;
}

/** Checks that a controller runs, by watching for a renewal of its lock, or is at rest. */
export async function checkController({
  output,
  timing: { lockTtlMs },
  clock,
  signal,
}: ControllerCheckParts): Promise<CheckResult> {
  const seen = await readControllerLock(output);
  const holder = seen?.record.holder;
  if (holder === undefined && isResting(await readReport(output), clock.nowMs()))
    return ok('is at rest, and returns within a minute when there is work');
  if (seen === undefined || holder === undefined)
    return await withoutController('no controller is running', output, clock);
  // A holder that does not renew within half of the lock's time to live has stopped acting.
  const halfMs = ttlMsOf(seen.record, lockTtlMs) / 2;
  const untilMs = clock.monotonicMs() + halfMs;
  while (clock.monotonicMs() <= untilMs) {
    await clock.sleep(halfMs / 10, signal);
    signal.throwIfAborted();
    const now = await readControllerLock(output);
    if (now !== undefined && now.info.etag !== seen.info.etag && now.record.holder !== undefined)
      return ok(`${now.record.holder} is running (epoch ${now.record.epoch})`);
  }
  return await withoutController(`controller ${holder} has stopped`, output, clock);
}

/** A job starts without it, too: a schedule calls the controller once a minute. */
export async function checkWake(calls: { check(): Promise<void> }): Promise<CheckResult> {
  try {
    await calls.check();
    return ok('new jobs wake the controller at once');
  } catch (error) {
    return unknown(`new jobs start within a minute: ${messageOf(error)}`);
  }
}

async function withoutController(what: string, output: Store, clock: Clock): Promise<CheckResult> {
  let workers = 0;
  for await (const _ of liveReports(output, clock)) workers++;
  if (workers > 0) return ok(`${what}; workers running without one: ${workers}`);
  return actionNeeded(
    `${what}, and no worker reports.`,
    'Start one with "imgcls scale" here ("imgcls scale --fleet none" if something else starts workers), or with "imgcls deploy --controller". It begins within a minute.',
  );
}
