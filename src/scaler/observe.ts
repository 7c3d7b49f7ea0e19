import type { Queue, QueueDepth, Store } from '../core/cloud/ports.ts';
import { type ControllerReport, NEWER_RELEASE_MS, STATUS_INTERVAL_MS } from '../core/fleet/fleet.ts';
import { attemptTotal, type JobRecord } from '../core/job/job.ts';
import { MAX_BATCH } from '../core/job/messages.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { messageOf, QueueMissingError } from '../core/runtime/errors.ts';
import { isUnknown, type OrUnknown } from '../core/runtime/unknown.ts';
import type { FleetDriver, FleetMember } from './fleet.ts';
import { type MachineObservation, MachineWatch } from './machines.ts';
import { RecentMedian } from './medians.ts';
import type { Backlog, Machine, Measured, ObservedSnapshot } from './snapshot.ts';
import { type WorkerObservation, WorkerStatusReader } from './statuses.ts';
import { UnfinishedJobs } from './unfinished-jobs.ts';

/** The policy's snapshot without costs, and everything else that the controller acts on. */
export interface Observation {
  snapshot: ObservedSnapshot;
  members: OrUnknown<readonly FleetMember[]>;
  statuses: OrUnknown<ReadonlyMap<string, WorkerObservation>>;
  machineObservation(id: string): MachineObservation | undefined;
  /** Measured so far, for the report. */
  measured: ControllerReport['measured'];
}

export interface ObserverOptions {
  output: Store;
  /** The request queue. */
  requests: Queue;
  /** The queue of single images that a client waits for. A missing queue counts as empty. */
  interactive: Queue;
  driver: Pick<FleetDriver, 'members'>;
  /** Assumed throughput and boot time of a machine, until they are measured. */
  prior: Measured;
  /** Workers and jobs are listed this often while there is no work and no worker. */
  restingListEveryMs: number;
  clock: Clock;
}

/** What the listings contain. */
interface Listed {
  statuses: OrUnknown<ReadonlyMap<string, WorkerObservation>>;
  records: OrUnknown<readonly JobRecord[]>;
}

/** The throughput of a machine is measured only if it was busy for at least this share of the time. */
const MIN_BUSY_SHARE = 0.5;
/** A status that is older does not count for the present throughput. */
const FRESH_MS = 2 * STATUS_INTERVAL_MS;

/** Reads queues and fleet, then workers and jobs. A value that cannot be read is unknown, never zero. */
export class Observer {
  readonly #options: ObserverOptions;
  readonly #statuses: WorkerStatusReader;
  readonly #jobs: UnfinishedJobs;
  readonly #watch: MachineWatch;
  readonly #imagesPerSecond = new RecentMedian();
  readonly #bootMs = new RecentMedian();
  readonly #bootsSeen = new Set<string>();
  #imagesPerMessage: number | undefined;
  /** The last listing, if the cluster was idle then. */
  #idleListing: { listed: Listed; listedAtMs: number } | undefined;

  constructor(options: ObserverOptions) {
    this.#options = options;
    this.#statuses = new WorkerStatusReader(options.output, options.clock);
    this.#jobs = new UnfinishedJobs(options.output, options.clock);
    this.#watch = new MachineWatch(options.clock);
  }

  /** Starts with the measurements of an earlier controller. */
  remember(measured: ControllerReport['measured']): void {
    this.#imagesPerSecond.remember(measured.imagesPerSecond);
    this.#bootMs.remember(measured.bootMs);
    this.#imagesPerMessage ??= measured.imagesPerMessage;
  }

  async observe(): Promise<Observation> {
    const { requests, interactive, driver, clock } = this.#options;
    const [depths, members] = await Promise.all([
      orUnknown(() => Promise.all([requests.depth(), depthOrEmpty(interactive)])),
      orUnknown(() => driver.members()),
    ]);
    const { statuses, records } = await this.#list(isIdle(depths, members));
    if (!isUnknown(members) && !isUnknown(statuses)) this.#measure(members, statuses);
    const jobs = isUnknown(records)
      ? records
      : records.map((job) => ({ id: job.id, totalImages: attemptTotal(job) }));
    return {
      snapshot: {
        backlog: isUnknown(depths)
          ? depths
          : this.#backlog(
              [withoutNewer(depths[0], statuses, clock), depths[1]],
              isUnknown(records) ? [] : records,
            ),
        machines: this.#machines(members, statuses),
        jobs,
        measured: {
          imagesPerSecond: this.#imagesPerSecond.value ?? this.#options.prior.imagesPerSecond,
          bootMs: this.#bootMs.value ?? this.#options.prior.bootMs,
        },
        throughputImagesPerSecond: isUnknown(statuses) ? 0 : throughput(statuses),
      },
      members,
      statuses,
      machineObservation: (id) => this.#watch.observationOf(id),
      measured: {
        ...(this.#imagesPerSecond.value !== undefined && { imagesPerSecond: this.#imagesPerSecond.value }),
        ...(this.#bootMs.value !== undefined && { bootMs: this.#bootMs.value }),
        ...(this.#imagesPerMessage !== undefined && { imagesPerMessage: this.#imagesPerMessage }),
      },
    };
  }

  /** A listing of S3 costs as much as a PUT, so an idle cluster reuses the last one for a while. */
  async #list(isClusterIdle: boolean): Promise<Listed> {
    const listedAtMs = this.#options.clock.monotonicMs();
    const last = isClusterIdle ? this.#idleListing : undefined;
    if (last !== undefined && listedAtMs - last.listedAtMs < this.#options.restingListEveryMs)
      return last.listed;
    const [statuses, records] = await Promise.all([
      orUnknown(() => this.#statuses.read()),
      orUnknown(() => this.#jobs.read()),
    ]);
    const listed = { statuses, records };
    const hasNoWorkers = !isUnknown(statuses) && statuses.size === 0 && !isUnknown(records);
    this.#idleListing = isClusterIdle && hasNoWorkers ? { listed, listedAtMs } : undefined;
    return listed;
  }

  #machines(
    members: OrUnknown<readonly FleetMember[]>,
    statuses: OrUnknown<ReadonlyMap<string, WorkerObservation>>,
  ): OrUnknown<readonly Machine[]> {
    if (isUnknown(members)) return members;
    return isUnknown(statuses) ? statuses : this.#watch.join(members, statuses);
  }

  /**
   * The request queue counts messages; the workers' statuses say how many images a message holds on average. The totals of
   * the jobs are an upper bound, if all are known. An interactive message is one image.
   */
  #backlog([requests, interactive]: [QueueDepth, QueueDepth], records: readonly JobRecord[]): Backlog {
    const messages = messagesOf(requests);
    const estimate = messages * (this.#imagesPerMessage ?? MAX_BATCH);
    const bound = records.reduce((sum, job) => sum + (attemptTotal(job) ?? Number.POSITIVE_INFINITY), 0);
    const images = Math.max(messages, Math.min(estimate, records.length > 0 ? bound : estimate));
    return {
      waiting: requests.waiting + interactive.waiting,
      inFlight: requests.inFlight + interactive.inFlight,
      delayed: requests.delayed + interactive.delayed,
      images: Math.round(images) + messagesOf(interactive),
    };
  }

  #measure(members: readonly FleetMember[], statuses: ReadonlyMap<string, WorkerObservation>): void {
    let images = 0;
    let messages = 0;
    for (const { status, isNew } of statuses.values()) {
      if (status === undefined) continue;
      images += status.imagesDone - (status.interactiveDone ?? 0);
      messages += status.messagesDone ?? 0;
      const { busyShare = 0, imagesPerSecond } = status;
      if (isNew && busyShare >= MIN_BUSY_SHARE && imagesPerSecond > 0)
        this.#imagesPerSecond.add(imagesPerSecond / busyShare);
    }
    if (messages > 0 && images > 0) this.#imagesPerMessage = images / messages;
    for (const { id, launchedAtMs } of members) {
      const status = statuses.get(id)?.status;
      if (status?.boot.readyMs === undefined || this.#bootsSeen.has(id)) continue;
      this.#bootsSeen.add(id);
      this.#bootMs.add(Math.max(0, status.startedAtMs + status.boot.readyMs - launchedAtMs));
    }
    const listed = new Set(members.map(({ id }) => id));
    for (const id of this.#bootsSeen) if (!listed.has(id)) this.#bootsSeen.delete(id);
  }
}

/**
 * The depth without messages of a newer imgcls, which workers have hidden: this fleet cannot process them, and a launch
 * would bring another worker of the same version.
 */
function withoutNewer(
  depth: QueueDepth,
  statuses: OrUnknown<ReadonlyMap<string, WorkerObservation>>,
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

const messagesOf = ({ waiting, inFlight, delayed }: QueueDepth): number => waiting + inFlight + delayed;

/** No work and no machine. Treats unknown as possibly non-zero. */
const isIdle = (
  depths: OrUnknown<readonly QueueDepth[]>,
  members: OrUnknown<readonly FleetMember[]>,
): boolean =>
  !isUnknown(depths) &&
  depths.every((depth) => messagesOf(depth) === 0) &&
  !isUnknown(members) &&
  members.every(({ state }) => state === 'stopped');

async function depthOrEmpty(queue: Queue): Promise<QueueDepth> {
  try {
    return await queue.depth();
  } catch (error) {
    if (!(error instanceof QueueMissingError)) throw error;
    return { waiting: 0, inFlight: 0, delayed: 0 };
  }
}

async function orUnknown<T>(read: () => Promise<T>): Promise<OrUnknown<T>> {
  try {
    return await read();
  } catch (error) {
    return { unknown: messageOf(error) };
  }
}

/** Idle workers count too: their rate is an average, and frequent short work is a load. */
function throughput(statuses: ReadonlyMap<string, WorkerObservation>): number {
  let sum = 0;
  for (const { status, silentForMs } of statuses.values())
    if (status !== undefined && silentForMs < FRESH_MS) sum += status.imagesPerSecond;
  return sum;
}
