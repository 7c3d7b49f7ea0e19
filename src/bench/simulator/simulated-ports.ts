/** The ports of the controller to a simulated cluster: an observer and a fleet driver. */
import { MAX_BATCH } from '../../core/job/messages.ts';
import type { FleetDriver, FleetMember, LaunchAnswer } from '../../scaler/fleet.ts';
import type { Observation } from '../../scaler/observe.ts';
import type { Machine, Measured } from '../../scaler/snapshot.ts';
import type { SimulatedCluster, SimulatedMachine } from './simulated-cluster.ts';

/** Workers report at this interval, so the throughput is an average over it. */
const REPORT_MS = 15_000;

/** `measured` are the true values, as a controller knows them from earlier work. */
export function simulatedObserver(cluster: SimulatedCluster, measured: Measured) {
  let done: { atMs: number; images: number }[] = [];

  function throughput(): number {
    done.push({ atMs: cluster.nowMs, images: cluster.imagesDone });
    const since = done.findLastIndex(({ atMs }) => atMs <= cluster.nowMs - REPORT_MS);
    done = done.slice(Math.max(0, since));
    const [first] = done;
    if (first === undefined || first.atMs === cluster.nowMs) return 0;
    return (1000 * (cluster.imagesDone - first.images)) / (cluster.nowMs - first.atMs);
  }

  async function observe(): Promise<Observation> {
    const waiting = cluster.queue.messages;
    const imagesPerMessage =
      cluster.messagesDone === 0 ? MAX_BATCH : cluster.imagesDone / cluster.messagesDone;
    const machines = [...cluster.machines.values()];
    return {
      snapshot: {
        backlog: {
          waiting,
          inFlight: cluster.inFlight,
          delayed: 0,
          images: Math.round((waiting + cluster.inFlight) * imagesPerMessage),
        },
        machines: machines.map((machine) => observedMachine(machine, cluster.nowMs)),
        jobs: [],
        measured,
        throughputImagesPerSecond: throughput(),
      },
      // Only the cost ledger and reaping need these.
      members: { unknown: 'not simulated' },
      statuses: { unknown: 'not simulated' },
      machineObservation: () => undefined,
      measured,
    };
  }
  return { observe, remember() {} };
}

const observedMachine = (
  { id, phase, phaseSinceMs, launchedAtMs }: SimulatedMachine,
  nowMs: number,
): Machine => ({
  id,
  phase,
  phaseForMs: nowMs - phaseSinceMs,
  ageMs: nowMs - launchedAtMs,
  managed: true,
});

export function simulatedDriver(cluster: SimulatedCluster, hourlyUsd: number): FleetDriver {
  const retire = async (ids: readonly string[]) => ids.forEach((id) => void cluster.retire(id));
  return {
    async members(): Promise<FleetMember[]> {
      return [...cluster.machines.values()].map(({ id, phase, launchedAtMs }) => ({
        id,
        state: phase === 'draining' ? 'draining' : 'running',
        launchedAtMs,
        hourlyUsd,
      }));
    },
    async launch({ count }): Promise<LaunchAnswer> {
      const tried = Array.from({ length: count }, () => cluster.launch());
      const started = tried.flatMap((machine) => (machine === undefined ? [] : [machine.id]));
      const refused = count - started.length;
      return refused === 0 ? { started } : { started, retryable: { count: refused, why: 'no capacity' } };
    },
    retire,
    terminate: retire,
    hourlyUsd: async () => hourlyUsd,
  };
}
