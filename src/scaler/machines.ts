import { WORKER_GONE_MS } from '../core/fleet/fleet.ts';
import type { Clock } from '../core/runtime/clock.ts';
import type { FleetMember } from './fleet.ts';
import type { Machine, MachinePhase } from './snapshot.ts';
import type { WorkerObservation } from './statuses.ts';

/** What is watched of a machine over time, by our own monotonic clock. */
export interface MachineObservation {
  phase: MachinePhase;
  phaseSinceMs: number;
  firstSeenMs: number;
  wasReady: boolean;
  imagesDone?: number;
}

/** Puts together what the driver lists and what the workers say, and remembers since when. */
export class MachineWatch {
  readonly #clock: Clock;
  #sightings = new Map<string, MachineObservation>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  sightingOf(id: string): MachineObservation | undefined {
    return this.#sightings.get(id);
  }

  join(members: readonly FleetMember[], heard: ReadonlyMap<string, WorkerObservation>): Machine[] {
    const before = this.#sightings;
    this.#sightings = new Map();
    // A stopped machine that was started boots anew, whatever it was before.
    for (const { id, state } of members)
      if (state !== 'stopped' && before.get(id)?.phase === 'stopped') before.delete(id);
    const own = members.map((member) => {
      const wasReady = before.get(member.id)?.wasReady ?? false;
      const phase = phaseOf(member, heard.get(member.id), wasReady);
      const facts = {
        phase,
        launchedAtMs: member.launchedAtMs,
        imagesDone: imagesDone(heard.get(member.id)),
      };
      return this.#machine(member.id, facts, before, true);
    });
    const listed = new Set(members.map(({ id }) => id));
    const guests = [...heard].flatMap(([id, { status, silentForMs, modifiedAtMs }]) => {
      const isFresh = Math.max(silentForMs, this.#clock.nowMs() - modifiedAtMs) < WORKER_GONE_MS;
      if (listed.has(id) || status === undefined || status.managed || !isFresh) return [];
      const phase = phaseSaid(status.state);
      const facts = { phase, launchedAtMs: status.startedAtMs, imagesDone: status.imagesDone };
      return phase === 'draining' ? [] : [this.#machine(id, facts, before, false)];
    });
    return [...own, ...guests];
  }

  #machine(
    id: string,
    { phase, launchedAtMs, imagesDone }: { phase: MachinePhase; launchedAtMs: number; imagesDone: number },
    before: ReadonlyMap<string, MachineObservation>,
    managed: boolean,
  ): Machine {
    const nowMs = this.#clock.monotonicMs();
    const last = before.get(id);
    // One that worked between two looks has idled only since then.
    const isUnchanged = last?.phase === phase && (phase !== 'idle' || last.imagesDone === imagesDone);
    const sighting: MachineObservation = {
      phase,
      imagesDone,
      phaseSinceMs: isUnchanged ? last.phaseSinceMs : nowMs,
      firstSeenMs: last?.firstSeenMs ?? nowMs,
      wasReady: last?.wasReady === true || phase === 'idle' || phase === 'busy',
    };
    this.#sightings.set(id, sighting);
    const ageMs = Math.max(0, this.#clock.nowMs() - launchedAtMs);
    return { id, phase, phaseForMs: nowMs - sighting.phaseSinceMs, ageMs, managed };
  }
}

function phaseOf(member: FleetMember, heard: WorkerObservation | undefined, wasReady: boolean): MachinePhase {
  if (member.state !== 'running') return member.state;
  // A worker takes its report away when it ends: its machine is about to follow.
  if (heard === undefined) return wasReady ? 'draining' : 'booting';
  // One whose report we cannot understand may be at work.
  return heard.status === undefined ? 'busy' : phaseSaid(heard.status.state);
}

const imagesDone = (heard: WorkerObservation | undefined): number => heard?.status?.imagesDone ?? 0;

function phaseSaid(state: 'booting' | 'ready' | 'busy' | 'draining' | 'outdated'): MachinePhase {
  if (state === 'ready') return 'idle';
  return state === 'outdated' ? 'draining' : state;
}
