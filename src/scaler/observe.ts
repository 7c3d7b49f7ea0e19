import type { Queue, QueueDepth, Store } from '../core/cloud/ports.ts';
import type { ControllerReport } from '../core/fleet/fleet.ts';
import type { JobRecord } from '../core/job/job.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { messageOf, QueueMissingError } from '../core/runtime/errors.ts';
import { isUnknown, type OrUnknown } from '../core/runtime/unknown.ts';
import { Estimator, messagesOf } from './estimator.ts';
import type { FleetDriver, FleetMember } from './fleet.ts';
import type { Observation } from './observation.ts';
import type { Measured } from './snapshot.ts';
import { type WorkerObservation, WorkerStatusReader } from './statuses.ts';
import { UnfinishedJobs } from './unfinished-jobs.ts';

export interface ObserverOptions {
  output: Store;
  /** The request queue. */
  requests: Queue;
  /** The queue of single images that a client waits for. A missing queue counts as empty. */
  interactive: Queue;
  driver: Pick<FleetDriver, 'members'>;
  /** Assumed throughput and boot time of a machine, until they are measured. */
  prior: Measured;
  /** What an image costs by model, as it was measured apart from jobs. Read once. */
  readModelCosts(): Promise<Readonly<Record<string, number>>>;
  /** Workers and jobs are listed this often while there is no work and no worker. */
  restingListEveryMs: number;
  clock: Clock;
}

/** What the listings contain. */
interface Listed {
  statuses: OrUnknown<ReadonlyMap<string, WorkerObservation>>;
  records: OrUnknown<readonly JobRecord[]>;
}

/** Reads queues and fleet, then workers and jobs. A value that cannot be read is unknown, never zero. */
export class Observer {
  readonly #options: ObserverOptions;
  readonly #statuses: WorkerStatusReader;
  readonly #jobs: UnfinishedJobs;
  readonly #estimator: Estimator;
  /** The last listing, if the cluster was idle then. */
  #idleListing: { listed: Listed; listedAtMs: number } | undefined;
  #hasModelCosts = false;

  constructor(options: ObserverOptions) {
    this.#options = options;
    this.#statuses = new WorkerStatusReader(options.output, options.clock);
    this.#jobs = new UnfinishedJobs(options.output, options.clock);
    this.#estimator = new Estimator(options.prior, options.clock);
  }

  /** Starts with the measurements of an earlier controller. */
  remember(measured: ControllerReport['measured']): void {
    this.#estimator.remember(measured);
  }

  async observe(): Promise<Observation> {
    const { requests, interactive, driver } = this.#options;
    const [depths, members] = await Promise.all([
      orUnknown(() => Promise.all([requests.depth(), depthOrEmpty(interactive)])),
      orUnknown(() => driver.members()),
      this.#hasModelCosts ? undefined : this.#readModelCosts(),
    ]);
    const { statuses, records } = await this.#list(isIdle(depths, members));
    return this.#estimator.observation({ depths, members, statuses, records });
  }

  async #readModelCosts(): Promise<void> {
    const costs = await orUnknown(() => this.#options.readModelCosts());
    if (isUnknown(costs)) return;
    this.#hasModelCosts = true;
    this.#estimator.assume(costs);
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
}

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
