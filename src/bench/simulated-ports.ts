/** The simulated world as the controller sees and steers it: its observer and its fleet driver. */
import { MAX_BATCH } from '../core/job/messages.ts';
import type { FleetDriver, FleetMember, LaunchAnswer } from '../scaler/fleet.ts';
import type { Observation } from '../scaler/observe.ts';
import type { Machine, Measured } from '../scaler/snapshot.ts';
import type { SimulatedMachine, World } from './simulated-cluster.ts';

/** Workers report so often: what the fleet does is known as an average over it. */
const REPORT_MS = 15_000;

/** What was measured is what is true: a controller remembers it from earlier work. */
export function simulatedObserver(world: World, measured: Measured) {
  let done: { atMs: number; images: number }[] = [];

  function throughput(): number {
    done.push({ atMs: world.nowMs, images: world.imagesDone });
    const since = done.findLastIndex(({ atMs }) => atMs <= world.nowMs - REPORT_MS);
    done = done.slice(Math.max(0, since));
    const [first] = done;
    if (first === undefined || first.atMs === world.nowMs) return 0;
    return (1000 * (world.imagesDone - first.images)) / (world.nowMs - first.atMs);
  }

  async function observe(): Promise<Observation> {
    const waiting = world.queue.messages;
    const imagesPerMessage = world.messagesDone === 0 ? MAX_BATCH : world.imagesDone / world.messagesDone;
    const machines = [...world.machines.values()];
    return {
      snapshot: {
        backlog: {
          waiting,
          inFlight: world.inFlight,
          delayed: 0,
          images: Math.round((waiting + world.inFlight) * imagesPerMessage),
        },
        machines: machines.map((machine) => seen(machine, world.nowMs)),
        jobs: [],
        measured,
        throughputImagesPerSecond: throughput(),
      },
      // What only books and reaping need is not simulated.
      members: { unknown: 'not simulated' },
      statuses: { unknown: 'not simulated' },
      machineObservation: () => undefined,
      measured,
    };
  }
  return { observe, remember() {} };
}

const seen = ({ id, phase, phaseSinceMs, launchedAtMs }: SimulatedMachine, nowMs: number): Machine => ({
  id,
  phase,
  phaseForMs: nowMs - phaseSinceMs,
  ageMs: nowMs - launchedAtMs,
  managed: true,
});

export function simulatedDriver(world: World, hourlyUsd: number): FleetDriver {
  const retire = async (ids: readonly string[]) => ids.forEach((id) => void world.retire(id));
  return {
    async members(): Promise<FleetMember[]> {
      return [...world.machines.values()].map(({ id, phase, launchedAtMs }) => ({
        id,
        state: phase === 'draining' ? 'draining' : 'running',
        launchedAtMs,
        hourlyUsd,
      }));
    },
    async launch({ count }): Promise<LaunchAnswer> {
      const tried = Array.from({ length: count }, () => world.launch());
      const started = tried.flatMap((machine) => (machine === undefined ? [] : [machine.id]));
      const refused = count - started.length;
      return refused === 0 ? { started } : { started, retryable: { count: refused, why: 'no capacity' } };
    },
    retire,
    terminate: retire,
    hourlyUsd: async () => hourlyUsd,
  };
}
