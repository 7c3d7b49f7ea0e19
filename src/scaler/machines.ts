import { WORKER_GONE_MS, type WorkerState } from '../core/fleet/fleet.ts';
import { type Clock, monotonicAt } from '../core/runtime/clock.ts';
import type { FleetMember } from './fleet.ts';
import type { Machine, MachinePhase } from './snapshot.ts';
import { isUnread, type WorkerObservation } from './statuses.ts';

/** What the controller has seen of a machine over time. Times are of its own monotonic clock. */
export interface MachineObservation {
  phase: MachinePhase;
  phaseSinceMs: number;
  firstSeenMs: number;
  wasReady: boolean;
  imagesDone?: number;
}

interface WatchedMachine extends MachineObservation {
  /** By the wall clock, which may be set while the machine is watched, and by the monotonic one. */
  launchedAtMs: number;
  launchedMs: number;
  /** As its worker's status said, and when that was less than before: then the worker had reported. */
  workerSilentForMs: number;
  reportedMs: number;
}

interface Facts {
  phase: MachinePhase;
  launchedAtMs: number;
  imagesDone: number;
  worker: WorkerObservation | undefined;
}

/** Joins the driver's members with the workers' statuses, and remembers how long each machine has been in its phase. */
export class MachineWatch {
  readonly #clock: Clock;
  #observations = new Map<string, WatchedMachine>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  observationOf(id: string): MachineObservation | undefined {
    return this.#observations.get(id);
  }

  /** @param messages in all queues, with those that workers hold; undefined if unknown. */
  join(
    members: readonly FleetMember[],
    workers: ReadonlyMap<string, WorkerObservation>,
    messages?: number,
  ): Machine[] {
    const before = this.#observations;
    this.#observations = new Map();
    // One time for all: how long one machine idles is compared with how long another is silent.
    const nowMs = this.#clock.monotonicMs();
    // A stopped machine that was started again is booting, whatever its phase was before.
    for (const { id, state } of members)
      if (state !== 'stopped' && before.get(id)?.phase === 'stopped') before.delete(id);
    const own = members.map((member) => {
      const worker = workers.get(member.id);
      const facts = {
        phase: presentPhase(phaseOf(member, worker, before.get(member.id)), worker, messages),
        launchedAtMs: member.launchedAtMs,
        imagesDone: worker?.status?.imagesDone ?? 0,
        worker,
      };
      return this.#machine(member.id, facts, before, { managed: true, nowMs });
    });
    const listed = new Set(members.map(({ id }) => id));
    const unmanaged = [...workers].flatMap(([id, worker]) => {
      const { status, silentForMs, modifiedAtMs } = worker;
      const isFresh = Math.max(silentForMs, this.#clock.nowMs() - modifiedAtMs) < WORKER_GONE_MS;
      if (listed.has(id) || status === undefined || status.managed || !isFresh) return [];
      const phase = phaseOfState(status.state);
      const facts = { phase, launchedAtMs: status.startedAtMs, imagesDone: status.imagesDone, worker };
      return phase === 'draining' ? [] : [this.#machine(id, facts, before, { managed: false, nowMs })];
    });
    return [...own, ...unmanaged];
  }

  #machine(
    id: string,
    { phase, launchedAtMs, imagesDone, worker }: Facts,
    before: ReadonlyMap<string, WatchedMachine>,
    { managed, nowMs }: { managed: boolean; nowMs: number },
  ): Machine {
    const last = before.get(id);
    // An idle machine that did images since the last observation has idled only since then.
    const isUnchanged = last?.phase === phase && (phase !== 'idle' || last.imagesDone === imagesDone);
    const workerSilentForMs = worker?.silentForMs ?? 0;
    const hasReported = last === undefined || workerSilentForMs <= last.workerSilentForMs;
    const observation: WatchedMachine = {
      phase,
      imagesDone,
      phaseSinceMs: isUnchanged ? last.phaseSinceMs : nowMs,
      firstSeenMs: last?.firstSeenMs ?? nowMs,
      launchedAtMs,
      launchedMs:
        last?.launchedAtMs === launchedAtMs ? last.launchedMs : monotonicAt(this.#clock, launchedAtMs),
      workerSilentForMs,
      reportedMs: hasReported ? nowMs : last.reportedMs,
      wasReady: last?.wasReady === true || ((phase === 'idle' || phase === 'busy') && !isUnread(worker)),
    };
    this.#observations.set(id, observation);
    const { phaseSinceMs, launchedMs } = observation;
    // That it idles is known only until it wrote a status that was not read yet.
    const unknownForMs = phase === 'idle' ? (worker?.unreadForMs ?? 0) : 0;
    const phaseForMs = Math.max(0, nowMs - phaseSinceMs - unknownForMs);
    // Statuses are listed some time before, longer in one look than in the next.
    const silentForMs = Math.max(silenceMs(worker, observation, nowMs), nowMs - observation.reportedMs);
    return { id, phase, phaseForMs, silentForMs, ageMs: nowMs - launchedMs, managed };
  }
}

/** How long a worker has not reported. A machine of the warm pool may still have the status of its previous run. */
export const silenceMs = (
  worker: Pick<WorkerObservation, 'silentForMs'> | undefined,
  { firstSeenMs }: Pick<MachineObservation, 'firstSeenMs'>,
  monotonicMs: number,
): number => Math.min(worker?.silentForMs ?? 0, monotonicMs - firstSeenMs);

function phaseOf(
  member: FleetMember,
  worker: WorkerObservation | undefined,
  before: MachineObservation | undefined,
): MachinePhase {
  if (member.state !== 'running') return member.state;
  // A worker deletes its status when it ends, shortly before its machine ends.
  if (worker === undefined) return before?.wasReady ? 'draining' : 'booting';
  if (isUnread(worker) && before?.phase === 'booting') return 'booting';
  // A worker whose status was not read, or cannot be read by this version, may have work.
  return worker.status === undefined ? 'busy' : phaseOfState(worker.status.state);
}

/** A worker that was busy when its status was read last idles if no queue has a message now. */
const presentPhase = (
  last: MachinePhase,
  worker: WorkerObservation | undefined,
  messages: number | undefined,
): MachinePhase => (last === 'busy' && worker?.unreadForMs !== undefined && messages === 0 ? 'idle' : last);

/** A worker that stops, for whatever reason, is no capacity: another one takes its place. */
function phaseOfState(state: WorkerState): MachinePhase {
  if (state === 'booting' || state === 'busy') return state;
  return state === 'ready' ? 'idle' : 'draining';
}
