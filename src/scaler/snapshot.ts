/** What the policy sees of the world. No I/O here: observe.ts makes it, a simulation may. */

/** What could not be read: never zero, never empty. `unknown` says why. */
export interface Unknown {
  readonly unknown: string;
}
export type OrUnknown<T> = T | Unknown;

export const isUnknown = <T>(value: OrUnknown<T>): value is Unknown =>
  typeof value === 'object' && value !== null && 'unknown' in value;

/** Work that is announced and not acknowledged. Counts are those of the queue, so approximate. */
export interface Backlog {
  /** Messages that a worker could receive now. */
  waiting: number;
  /** Messages that a worker holds, or held when it died. */
  inFlight: number;
  delayed: number;
  /** Images in all of them, estimated. */
  images: number;
}

/**
 * - `booting`: launched and not yet ready. `idle`: ready, nothing in hand. `busy`: has work in hand.
 * - `draining`: takes no more work and is about to end; still costs money.
 * - `stopped`: of the warm pool; takes no work and costs next to nothing.
 */
export type MachinePhase = 'booting' | 'idle' | 'busy' | 'draining' | 'stopped';

/** One instance or worker process, as the fleet driver and the worker's own status together tell. */
export interface Machine {
  /** The same for the machine and its worker. */
  id: string;
  phase: MachinePhase;
  /** How long it has been in its phase, by the controller's own clock. */
  phaseForMs: number;
  /** Since its launch. */
  ageMs: number;
  /** False for a worker that a person started: it does work, and is that person's to end. */
  managed: boolean;
}

/** A job that is not final. */
export interface UnfinishedJob {
  id: string;
  /** Undefined while its submitter still reads. */
  totalImages: number | undefined;
  /** What it has cost so far, in US dollars. */
  costUsd: number;
}

/** What was measured of this cluster's machines, remembered over restarts; else a prior. */
export interface Measured {
  /** Of one machine that has enough to do. */
  imagesPerSecond: number;
  /** From launch to ready. */
  bootMs: number;
}

export interface Snapshot {
  backlog: OrUnknown<Backlog>;
  machines: OrUnknown<readonly Machine[]>;
  jobs: OrUnknown<readonly UnfinishedJob[]>;
  measured: Measured;
  /** What the fleet does now, all machines together. */
  throughputImagesPerSecond: number;
}
