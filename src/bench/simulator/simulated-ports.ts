/** The ports of the controller to a simulated cluster: an observer and a fleet driver. */
import type { QueueDepth } from '../../core/cloud/ports.ts';
import type { ControllerReport } from '../../core/fleet/fleet.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import type { OrUnknown } from '../../core/runtime/unknown.ts';
import { Estimator } from '../../scaler/estimator.ts';
import type { FleetDriver, FleetMember, LaunchAnswer } from '../../scaler/fleet.ts';
import type { Observation } from '../../scaler/observation.ts';
import type { Measured } from '../../scaler/snapshot.ts';
import type { Random } from '../random.ts';
import { recordOf } from './jobs.ts';
import type { SimulatedCluster } from './simulated-cluster.ts';
import type { SimulatedMachine } from './simulated-machine.ts';
import { SimulatedReports } from './simulated-reports.ts';

const noDepth: QueueDepth = { waiting: 0, inFlight: 0, delayed: 0 };

/** Reads the cluster as late and as inexactly as its world allows. */
export class SimulatedObserver {
  readonly #cluster: SimulatedCluster;
  readonly #driver: Pick<FleetDriver, 'members'>;
  readonly #random: Random;
  readonly #estimator: Estimator;
  readonly #reports = new SimulatedReports();
  /** What the queue held at earlier looks, the latest last. */
  #depths: { depth: QueueDepth; atMs: number }[] = [];

  /** @param measured the true values, as a controller knows them from earlier work. */
  constructor(
    cluster: SimulatedCluster,
    {
      driver,
      random,
      measured,
      clock,
    }: { driver: Pick<FleetDriver, 'members'>; random: Random; measured: Measured; clock: Clock },
  ) {
    this.#cluster = cluster;
    this.#driver = driver;
    this.#random = random;
    this.#estimator = new Estimator(measured, clock);
  }

  async observe(): Promise<Observation> {
    const { machines, jobs, nowMs, options } = this.#cluster;
    const seenMs = nowMs - options.listingDelayMs;
    const depth = this.#depth();
    const statuses = this.#reports.read(machines.values(), nowMs);
    const members = await this.#driver.members();
    return this.#estimator.observation({
      depths: this.#orUnreadable([depth, noDepth] as const),
      members: this.#orUnreadable(members),
      statuses: this.#orUnreadable(statuses),
      records: this.#orUnreadable([...jobs.values()].map((job) => recordOf(job, seenMs))),
    });
  }

  remember(measured: ControllerReport['measured']): void {
    this.#estimator.remember(measured);
  }

  #orUnreadable<T>(value: T): OrUnknown<T> {
    const { unreadableShare } = this.#cluster.options;
    return unreadableShare > 0 && this.#random.next() < unreadableShare ? { unknown: 'throttled' } : value;
  }

  #depth(): QueueDepth {
    const { queue, inFlight, nowMs, options } = this.#cluster;
    this.#depths.push({ depth: { waiting: queue.messages, inFlight, delayed: 0 }, atMs: nowMs });
    if (options.countDelayMs === 0 && options.countSigma === 0) return this.#depths.pop()?.depth ?? noDepth;
    const asOfMs = nowMs - options.countDelayMs * this.#random.next();
    const at = this.#depths.findLastIndex(({ atMs }) => atMs <= asOfMs);
    const seen = this.#depths[at]?.depth ?? noDepth;
    this.#depths = this.#depths.filter(({ atMs }) => nowMs - atMs <= 2 * options.countDelayMs);
    const inexact = (count: number) => Math.round(this.#random.lognormal(count, options.countSigma));
    return { waiting: inexact(seen.waiting), inFlight: inexact(seen.inFlight), delayed: 0 };
  }
}

export function simulatedDriver(cluster: SimulatedCluster, hourlyUsd: number): FleetDriver {
  const member = ({ id, phase, launchedAtMs }: SimulatedMachine): FleetMember => ({
    id,
    state: phase === 'draining' ? 'draining' : 'running',
    launchedAtMs,
    hourlyUsd,
  });
  return {
    async members() {
      const { ended, machines, nowMs, options } = cluster;
      const earlier = ended.findLastIndex(({ atMs }) => nowMs - atMs >= options.listingDelayMs);
      const late = ended.slice(earlier + 1);
      return [...machines.values(), ...late.map(({ machine }) => machine)].map(member);
    },
    async launch({ count }): Promise<LaunchAnswer> {
      const tried = Array.from({ length: count }, () => cluster.launch());
      const started = tried.flatMap((machine) => (machine === undefined ? [] : [machine.id]));
      const refused = count - started.length;
      return refused === 0 ? { started } : { started, retryable: { count: refused, why: 'no capacity' } };
    },
    retire: async (ids) => ids.forEach((id) => void cluster.retire(id)),
    terminate: async (ids) => ids.forEach((id) => void cluster.lose(id)),
    hourlyUsd: async () => hourlyUsd,
  };
}
