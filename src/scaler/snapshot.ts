/** The input of the policy. No I/O here: observe.ts builds it, and so does the simulation. */

import type { OrUnknown } from '../core/runtime/unknown.ts';

/** Work that is sent and not acknowledged. The counts are the queue's own, so they are approximate. */
export interface Backlog {
  /** Messages that a worker could receive now. */
  waiting: number;
  /** Messages that a worker holds, or held when it died: their lease has not expired. */
  inFlight: number;
  delayed: number;
  /** Images in all of them, estimated. */
  images: number;
}

/**
 * - `booting`: launched, not ready yet. `idle`: ready, without work. `busy`: has work.
 * - `draining`: receives no more work and ends soon; still costs money.
 * - `stopped`: in the warm pool; receives no work and costs almost nothing.
 */
export type MachinePhase = 'booting' | 'idle' | 'busy' | 'draining' | 'stopped';

/** One instance or worker process, from the fleet driver's list and the worker's own status. */
export interface Machine {
  /** The same for the machine and its worker. */
  id: string;
  phase: MachinePhase;
  /** How long it has been in its phase, by the controller's own clock. */
  phaseForMs: number;
  /** Since its launch. */
  ageMs: number;
  /** Since its worker reported last, by the controller's own clock. Absent: it has just reported, or not yet. */
  silentForMs?: number;
  /** False for an unmanaged worker: it does work, but the controller never ends it. */
  managed: boolean;
}

/** A job that is not final. */
export interface ObservedJob {
  id: string;
  /** Undefined until the job is sealed. */
  totalImages: number | undefined;
  /** At least: those that the workers reported to this controller. */
  doneImages: number;
  /** Time to its deadline, if it has one; negative after it. */
  dueInMs?: number;
  /** What the fleet may cost for it, if it has such a limit. */
  maxCostUsd?: number;
}

/** With what the cost ledger knows of it. */
export interface UnfinishedJob extends ObservedJob {
  /** So far. */
  costUsd: number;
}

/** Work that is new since the last observation. */
export interface Arrived {
  /** Jobs, and looks at which images without a job had arrived. */
  jobs: number;
  /** Of those jobs that have a record or an id. */
  ids: readonly string[];
  /** For one machine. A job that is not sealed counts when it is. */
  workMs: number;
}

/** Measured on this cluster's machines and kept over restarts; assumed values until then. */
export interface Measured {
  /** Of one machine that is busy all the time, for the images of the backlog. */
  imagesPerSecond: number;
  /** From launch to ready. */
  bootMs: number;
}

export interface Snapshot {
  backlog: OrUnknown<Backlog>;
  machines: OrUnknown<readonly Machine[]>;
  jobs: OrUnknown<readonly UnfinishedJob[]>;
  measured: Measured;
  /** Of the whole fleet, at present. */
  throughputImagesPerSecond: number;
}

/** Before the cost ledger adds what it knows. */
export interface ObservedSnapshot extends Omit<Snapshot, 'jobs'> {
  jobs: OrUnknown<readonly ObservedJob[]>;
}
