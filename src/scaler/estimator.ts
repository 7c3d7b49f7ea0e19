/**
 * From what was read to the snapshot that the policy decides from: machines in their phases, images of the backlog, rates and boot
 * times that were measured. No I/O: observe.ts reads, and so does the simulation.
 */
import type { QueueDepth } from '../core/cloud/ports.ts';
import {
  type ControllerReport,
  NEWER_RELEASE_MS,
  STATUS_INTERVAL_MS,
  type WorkerStatus,
} from '../core/fleet/fleet.ts';
import { imagesIn, type Progress, SMALL_BATCH } from '../core/job/batches.ts';
import type { JobRecord } from '../core/job/job.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { isUnknown, type OrUnknown } from '../core/runtime/unknown.ts';
import type { FleetMember } from './fleet.ts';
import { MachineWatch } from './machines.ts';
import { RecentMedian } from './medians.ts';
import type { Observation } from './observation.ts';
import type { Arrived, Backlog, Machine, Measured, ObservedJob } from './snapshot.ts';
import { isUnread, type WorkerObservation } from './statuses.ts';
import { MIN_BUSY_SHARE, WorkMeter } from './work-meter.ts';

/** A status that is older does not count for the present throughput. */
const FRESH_MS = 2 * STATUS_INTERVAL_MS;

/** A value that could not be read is unknown, never zero. */
export interface Readings {
  /** Of the request queue and of the interactive queue. */
  depths: OrUnknown<readonly [QueueDepth, QueueDepth]>;
  members: OrUnknown<readonly FleetMember[]>;
  statuses: OrUnknown<ReadonlyMap<string, WorkerObservation>>;
  /** Of the unfinished jobs. */
  records: OrUnknown<readonly JobRecord[]>;
}

export class Estimator {
  /** Assumed throughput and boot time of a machine, until they are measured. */
  readonly #prior: Measured;
  readonly #clock: Clock;
  readonly #watch: MachineWatch;
  readonly #meter = new WorkMeter();
  readonly #imagesPerSecond = new RecentMedian();
  readonly #imagesPerSecondByType = new Map<string, RecentMedian>();
  readonly #bootMs = new RecentMedian();
  readonly #bootsSeen = new Set<string>();
  #imagesPerMessage: number | undefined;

  constructor(prior: Measured, clock: Clock) {
    this.#prior = prior;
    this.#clock = clock;
    this.#watch = new MachineWatch(clock);
  }

  /** Starts with the measurements of an earlier controller. */
  remember(measured: ControllerReport['measured']): void {
    this.#imagesPerSecond.remember(measured.imagesPerSecond);
    for (const [type, rate] of Object.entries(measured.imagesPerSecondByType ?? {}))
      this.#ofType(type).remember(rate);
    this.#bootMs.remember(measured.bootMs);
    this.#imagesPerMessage ??= measured.imagesPerMessage;
    this.#meter.costs.remember(measured.msPerImageByModel ?? {});
  }

  /** What an image costs by model, as it was measured apart from jobs. */
  assume(msPerImageByModel: Readonly<Record<string, number>>): void {
    this.#meter.costs.assume(msPerImageByModel);
  }

  observation({ depths, members, statuses, records }: Readings): Observation {
    if (!isUnknown(members) && !isUnknown(statuses)) this.#measure(members, statuses);
    const assumedMs = 1000 / (this.#imagesPerSecond.value ?? this.#prior.imagesPerSecond);
    const arrived =
      isUnknown(statuses) || isUnknown(records)
        ? nothingArrived
        : this.#meter.observe(knownOf(statuses), records, assumedMs, foundOf(statuses));
    const jobs = isUnknown(records)
      ? records
      : withLimits(this.#meter.jobs(records), records, this.#clock.nowMs());
    return {
      snapshot: {
        backlog: isUnknown(depths) ? depths : this.#backlog(depths, statuses, jobs),
        machines: this.#machines(depths, members, statuses),
        jobs,
        measured: {
          imagesPerSecond: 1000 / this.#msPerImage(isUnknown(jobs) ? [] : jobs, assumedMs),
          bootMs: this.#bootMs.value ?? this.#prior.bootMs,
        },
        throughputImagesPerSecond: isUnknown(statuses) ? 0 : throughput(statuses),
      },
      arrived,
      members,
      statuses,
      machineObservation: (id) => this.#watch.observationOf(id),
      measured: this.#measured,
    };
  }

  get #measured(): ControllerReport['measured'] {
    const byType = [...this.#imagesPerSecondByType].flatMap(([type, { value }]) =>
      value === undefined ? [] : [[type, value]],
    );
    const msPerImageByModel = this.#meter.costs.usualMsByModel;
    return {
      ...(this.#imagesPerSecond.value !== undefined && { imagesPerSecond: this.#imagesPerSecond.value }),
      ...(byType.length > 0 && { imagesPerSecondByType: Object.fromEntries(byType) }),
      ...(this.#bootMs.value !== undefined && { bootMs: this.#bootMs.value }),
      ...(this.#imagesPerMessage !== undefined && { imagesPerMessage: this.#imagesPerMessage }),
      ...(Object.keys(msPerImageByModel).length > 0 && { msPerImageByModel }),
    };
  }

  #machines(
    depths: Readings['depths'],
    members: Readings['members'],
    statuses: Readings['statuses'],
  ): OrUnknown<readonly Machine[]> {
    if (isUnknown(members)) return members;
    if (isUnknown(statuses)) return statuses;
    const messages = isUnknown(depths)
      ? undefined
      : depths.reduce((sum, depth) => sum + messagesOf(depth), 0);
    return this.#watch.join(members, statuses, messages);
  }

  /** Messages of no job, such as dropped images, have as many images as the messages of this cluster have on average. */
  #backlog(
    [all, interactive]: readonly [QueueDepth, QueueDepth],
    statuses: Readings['statuses'],
    jobs: OrUnknown<readonly ObservedJob[]>,
  ): Backlog {
    const requests = withoutNewer(all, statuses, this.#clock);
    const messages = messagesOf(requests);
    const images =
      isUnknown(jobs) || jobs.length === 0
        ? messages * (this.#imagesPerMessage ?? SMALL_BATCH)
        : imagesIn(messages, jobs.map(progressOf));
    return {
      waiting: requests.waiting + interactive.waiting,
      inFlight: requests.inFlight + interactive.inFlight,
      delayed: requests.delayed + interactive.delayed,
      images: Math.round(Math.max(messages, images)) + messagesOf(interactive),
    };
  }

  /** What an image of the backlog costs on average. A job that is not sealed counts as much as the largest sealed one. */
  #msPerImage(jobs: readonly ObservedJob[], assumedMs: number): number {
    const largest = Math.max(1, ...jobs.map((job) => leftOf(job) ?? 1));
    let images = 0;
    let ms = 0;
    for (const job of jobs) {
      const left = leftOf(job) ?? largest;
      images += left;
      ms += left * this.#meter.costs.msPerImage(job.id, assumedMs);
    }
    return images === 0 ? assumedMs : ms / images;
  }

  #measure(members: readonly FleetMember[], statuses: ReadonlyMap<string, WorkerObservation>): void {
    let images = 0;
    let messages = 0;
    const typeOf = new Map(members.map(({ id, instanceType }) => [id, instanceType]));
    for (const [id, { status, isNew }] of statuses) {
      if (status === undefined) continue;
      images += status.imagesDone - (status.interactiveDone ?? 0);
      messages += status.messagesDone ?? 0;
      const { busyShare = 0, imagesPerSecond } = status;
      if (!isNew || busyShare < MIN_BUSY_SHARE || imagesPerSecond === 0) continue;
      this.#imagesPerSecond.add(imagesPerSecond / busyShare);
      const type = typeOf.get(id);
      if (type !== undefined) this.#ofType(type).add(imagesPerSecond / busyShare);
    }
    if (messages > 0 && images > 0) this.#imagesPerMessage = images / messages;
    for (const { id, launchedAtMs } of members) {
      const status = statuses.get(id)?.status;
      if (status?.boot.readyMs === undefined || this.#bootsSeen.has(id)) continue;
      this.#bootsSeen.add(id);
      this.#bootMs.add(Math.max(0, status.startedAtMs + status.boot.readyMs - launchedAtMs));
    }
    for (const id of this.#bootsSeen) if (!typeOf.has(id)) this.#bootsSeen.delete(id);
  }

  #ofType(type: string): RecentMedian {
    const known = this.#imagesPerSecondByType.get(type) ?? new RecentMedian();
    this.#imagesPerSecondByType.set(type, known);
    return known;
  }
}

const nothingArrived: Arrived = { jobs: 0, ids: [], workMs: 0 };

const knownOf = (statuses: ReadonlyMap<string, WorkerObservation>): WorkerStatus[] =>
  [...statuses.values()].flatMap(({ status }) => (status === undefined ? [] : [status]));

const foundOf = (statuses: ReadonlyMap<string, WorkerObservation>): ReadonlySet<string> =>
  new Set([...statuses].flatMap(([id, { isFound }]) => (isFound === true ? id : [])));

/** @param jobs of these records, in their order. */
const withLimits = (
  jobs: readonly ObservedJob[],
  records: readonly JobRecord[],
  nowMs: number,
): ObservedJob[] =>
  jobs.map((job, at) => {
    const { deadlineMs, maxCostUsd } = records[at] ?? {};
    return {
      ...job,
      ...(deadlineMs !== undefined && { dueInMs: deadlineMs - nowMs }),
      ...(maxCostUsd !== undefined && { maxCostUsd }),
    };
  });

/** Undefined until the job is sealed. */
const leftOf = ({ totalImages, doneImages }: ObservedJob): number | undefined =>
  totalImages === undefined ? undefined : Math.max(0, totalImages - doneImages);

const progressOf = ({ totalImages: total, doneImages: done }: ObservedJob): Progress => ({ done, total });

/**
 * The depth without messages of a newer imgcls, which workers have hidden: this fleet cannot process them, and a launch
 * would bring another worker of the same version.
 */
function withoutNewer(
  depth: QueueDepth,
  statuses: Readings['statuses'],
  clock: Pick<Clock, 'nowMs'>,
): QueueDepth {
  if (isUnknown(statuses)) return depth;
  let newer = 0;
  for (const { status, silentForMs, modifiedAtMs } of statuses.values()) {
    const ageMs = Math.max(silentForMs, clock.nowMs() - modifiedAtMs);
    if (ageMs < NEWER_RELEASE_MS) newer += status?.newerMessages ?? 0;
  }
  return { ...depth, inFlight: Math.max(0, depth.inFlight - newer) };
}

export const messagesOf = ({ waiting, inFlight, delayed }: QueueDepth): number =>
  waiting + inFlight + delayed;

/**
 * Idle workers count too: their rate is an average, and frequent short work is a load. Live workers whose status was not read yet
 * are estimated to work like the others.
 */
function throughput(statuses: ReadonlyMap<string, WorkerObservation>): number {
  const live = [...statuses.values()].filter(({ silentForMs }) => silentForMs < FRESH_MS);
  const known = live.filter((worker) => !isUnread(worker));
  const sum = known.reduce((all, { status }) => all + (status?.imagesPerSecond ?? 0), 0);
  return known.length === 0 ? 0 : (sum * live.length) / known.length;
}
