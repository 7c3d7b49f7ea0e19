import * as z from 'zod';
import { formatVersion } from './versioned.ts';

/** How often a worker reports about itself; also on every change of state. */
export const STATUS_INTERVAL_MS = 15_000;

export const workerState = z.enum(['booting', 'ready', 'busy', 'draining', 'outdated']);
export type WorkerState = z.infer<typeof workerState>;

/** `fleet/<workerId>.json`: what a worker says about itself. Times are wall clock, milliseconds since 1970. */
export const workerStatus = z.object({
  v: formatVersion,
  id: z.string(),
  state: workerState,
  host: z.string(),
  /** Started by a controller, which ends it too; a worker that a person started is that person's. */
  managed: z.boolean(),
  pid: z.int(),
  startedAtMs: z.number(),
  updatedAtMs: z.number(),
  /** Milliseconds from process start; absent while not reached. */
  boot: z.object({
    readyMs: z.number().optional(),
    firstMessageMs: z.number().optional(),
    firstResultMs: z.number().optional(),
  }),
  imagesDone: z.int().nonnegative(),
  /** Since the last report. */
  imagesPerSecond: z.number().nonnegative(),
  runners: z.int().nonnegative(),
  /** Resident memory of the worker and of its runners together, and the most that they ever were. */
  rssBytes: z.int().nonnegative(),
  peakRssBytes: z.int().nonnegative(),
  /** sha256 of the models in memory. */
  models: z.array(z.string()),
  version: z.string(),
});
export type WorkerStatus = z.infer<typeof workerStatus>;

/** How long a controller lock lives without a renewal. */
export const LOCK_TTL_MS = 10_000;

/** A worker of one machine that sees no live lock for this long drains and ends. */
export const NO_CONTROLLER_EXIT_MS = 30_000;

/** `locks/controller.json`. `renewals` makes every renewal a new version; a released lock has no holder. */
export const controllerLock = z.object({
  v: formatVersion,
  holder: z.string().optional(),
  epoch: z.int().nonnegative(),
  renewals: z.int().nonnegative(),
});
export type ControllerLock = z.infer<typeof controllerLock>;
