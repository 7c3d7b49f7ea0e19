import { Readable } from 'node:stream';
import type { Cloud, ListedObject } from '../../core/cloud/ports.ts';
import { findObject } from '../../core/cloud/read-object.ts';
import { hasHolderEnded, readControllerLock } from '../../core/fleet/controller-lock.ts';
import {
  controllerReport,
  MAX_STATUS_BYTES,
  type WorkerStatus,
  workerStatus,
} from '../../core/fleet/fleet.ts';
import type { LockObservation } from '../../core/fleet/lock-state.ts';
import { attemptTotal, FIRST_ATTEMPT, type JobRecord } from '../../core/job/job.ts';
import { isInterrupted, listActiveJobs, readJob } from '../../core/job/job-record.ts';
import {
  CONTROLLER_REPORT_KEY,
  deadLetterQueueName,
  FLEET_PREFIX,
  requestQueueName,
} from '../../core/job/keys.ts';
import { listShards } from '../../core/job/shard.ts';
import { readJobCost } from '../../core/money/job-cost.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { ImgclsError, messageAndHint, messageOf, ObjectMissingError } from '../../core/runtime/errors.ts';
import type { OrUnknown } from '../../core/runtime/unknown.ts';
import { parseVersioned } from '../../core/runtime/versioned.ts';
import { readCoverage } from '../../results/job-coverage.ts';
import { Tally } from '../../results/tally.ts';
import { READS_AT_ONCE } from '../../scaler/statuses.ts';
import type { ClusterObservation, JobObservation } from './status-view.ts';

/** Each may list thousands of shards. */
const JOBS_AT_ONCE = 8;

/** Reads a cluster's status, once or repeatedly. It lists each part of a job's ledger only once. */
export class StatusReader {
  readonly #cloud: Cloud;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #tallies = new Map<string, Tally>();
  #lock: { etag: string; sinceMs: number } | undefined;

  constructor({ cloud, clock, signal }: { cloud: Cloud; clock: Clock; signal: AbortSignal }) {
    this.#cloud = cloud;
    this.#clock = clock;
    this.#signal = signal;
  }

  /** A part that cannot be read is unknown; the others are still returned. */
  async read(): Promise<ClusterObservation> {
    const { cluster, kind, queues } = this.#cloud;
    const depth = (name: string) => known(() => queues.open(name).depth(this.#signal));
    const [lock, report, requests, deadLetters, workers, jobs] = await Promise.all([
      known(() => this.#readLock()),
      known(() => this.#readReport()),
      depth(requestQueueName(cluster)),
      depth(deadLetterQueueName(cluster)),
      known(() => this.#readWorkers()),
      known(() => this.#readJobs()),
    ]);
    const atMs = this.#clock.nowMs();
    return { cluster, cloud: kind, atMs, lock, report, requests, deadLetters, workers, jobs };
  }

  async #readLock(): Promise<LockObservation | undefined> {
    const found = await readControllerLock(this.#cloud.output, this.#signal);
    if (found === undefined) return undefined;
    const { holder, epoch, ttlMs } = found.record;
    const nowMs = this.#clock.monotonicMs();
    const { etag, modifiedAtMs } = found.info;
    if (this.#lock?.etag !== etag) this.#lock = { etag, sinceMs: nowMs };
    return {
      holder,
      epoch,
      ttlMs,
      renewedAtMs: modifiedAtMs,
      unchangedForMs: nowMs - this.#lock.sinceMs,
      hasHolderEnded: hasHolderEnded(this.#cloud, found.record),
    };
  }

  async #readReport() {
    const parse = (text: string) => parseVersioned(controllerReport, text, 'controller report');
    return await this.#find(CONTROLLER_REPORT_KEY, parse);
  }

  async #readWorkers(): Promise<OrUnknown<WorkerStatus>[]> {
    const listed = this.#cloud.output.list(FLEET_PREFIX, { signal: this.#signal });
    const parse = (text: string) => parseVersioned(workerStatus, text, 'worker status');
    const read = async ({ key }: ListedObject) => {
      const worker = await known(() => this.#find(key, parse));
      // The worker ended after the listing.
      return worker === undefined ? [] : [worker];
    };
    return await Readable.from(listed)
      .filter(({ bytes }: ListedObject) => bytes <= MAX_STATUS_BYTES)
      .flatMap(read, { concurrency: READS_AT_ONCE, signal: this.#signal })
      .toArray();
  }

  async #readJobs(): Promise<OrUnknown<JobObservation>[]> {
    const tallies = new Map<string, Tally>();
    const read = (id: string) => {
      const tally = this.#tallies.get(id) ?? new Tally();
      tallies.set(id, tally);
      return known(() => this.#readJob(id, tally));
    };
    const jobs: OrUnknown<JobObservation>[] = await Readable.from(
      listActiveJobs(this.#cloud.output, this.#signal),
    )
      .map(read, { concurrency: JOBS_AT_ONCE, signal: this.#signal })
      .toArray();
    this.#tallies = tallies;
    return jobs;
  }

  async #readJob(id: string, tally: Tally): Promise<JobObservation> {
    const { output } = this.#cloud;
    const usd = await known(() => readJobCost(output, id, this.#signal));
    const record = await readJob(output, id, this.#signal).catch(unlessMissing);
    // Submitters write the marker before the record.
    if (record === undefined) return { id, state: 'starting', total: undefined, done: 0, usd };
    const { state, deadlineMs, maxCostUsd } = record;
    const total = attemptTotal(record);
    const covered = await this.#covered(record, tally);
    // Overlapping shards ahead of the frontier count twice until the frontier reaches them.
    const done = Math.min(covered, total ?? covered);
    return {
      id,
      state,
      total,
      done,
      usd,
      ...(isInterrupted(this.#cloud, record) && { interrupted: true }),
      ...(deadlineMs !== undefined && { deadlineMs }),
      ...(maxCostUsd !== undefined && { maxCostUsd }),
    };
  }

  /** Images with an outcome. Lists keys only; reads no shard. */
  async #covered(record: JobRecord, tally: Tally): Promise<number> {
    const { id, attempt } = record;
    if (attempt > FIRST_ATTEMPT) return (await readCoverage(this.#cloud.output, record, this.#signal)).size;
    const options = { attempt: FIRST_ATTEMPT, from: tally.frontier, signal: this.#signal };
    for await (const range of listShards(this.#cloud.output, id, options)) tally.add(range);
    while (tally.take() !== undefined);
    return tally.covered;
  }

  async #find<T>(key: string, parse: (text: string) => T): Promise<T | undefined> {
    return (await findObject(this.#cloud.output, key, parse, { signal: this.#signal }))?.value;
  }
}

/** A missing object is an answer; any other error leaves the value unknown. */
function unlessMissing(error: unknown): undefined {
  if (!(error instanceof ObjectMissingError)) throw error;
}

async function known<T>(read: () => Promise<T>): Promise<OrUnknown<T>> {
  try {
    return await read();
  } catch (error) {
    return { unknown: error instanceof ImgclsError ? messageAndHint(error) : messageOf(error) };
  }
}
