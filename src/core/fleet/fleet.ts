import * as z from 'zod';
import { formatVersion } from '../runtime/versioned.ts';

/** How often a worker reports about itself; also on every change of state. */
export const STATUS_INTERVAL_MS = 15_000;

/** A worker that has said nothing for so long counts as gone; one that was killed leaves its last report behind. */
export const WORKER_GONE_MS = 4 * STATUS_INTERVAL_MS;

/** No worker has more to say. Whoever can forge a report must not fill the memory of those that read it. */
export const MAX_STATUS_BYTES = 64 * 1024;

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
    /** Before the process: from the launch request, and from the kernel's start, to process start. On EC2 only. */
    launchToProcessMs: z.number().optional(),
    kernelToProcessMs: z.number().optional(),
    runtimeLoadedMs: z.number().optional(),
    modelReadyMs: z.number().optional(),
    readyMs: z.number().optional(),
    firstMessageMs: z.number().optional(),
    firstResultMs: z.number().optional(),
  }),
  imagesDone: z.int().nonnegative(),
  /** Those of them that came through the interactive queue, one a message; the rest of the report leaves them out. */
  interactiveDone: z.int().nonnegative().optional(),
  /** Request messages answered, so that images a message can be told. */
  messagesDone: z.int().nonnegative().optional(),
  /** Since the last report. */
  imagesPerSecond: z.number().nonnegative(),
  /** Share of the time since the last report in which it had work in hand, 0 to 1. */
  busyShare: z.number().min(0).max(1).optional(),
  /** Outcomes written by job, of the jobs that it served last. */
  imagesByJob: z.record(z.string(), z.int().nonnegative()).optional(),
  runners: z.int().nonnegative(),
  /** Resident memory of the worker and of its runners together, and the most that they ever were. */
  rssBytes: z.int().nonnegative(),
  peakRssBytes: z.int().nonnegative(),
  /** sha256 of the models in memory. */
  models: z.array(z.string()),
  version: z.string(),
});
export type WorkerStatus = z.infer<typeof workerStatus>;

/** A worker on a machine of its own ends, machine and all, after being idle without a controller for this long. */
export const OWN_MACHINE_EXIT_MS = 600_000;

/** A process, for those who may share its machine: `machine` is the same where process ids mean the same. */
export const locatedProcess = z.object({
  machine: z.string(),
  pid: z.int().positive(),
  /** Ticks from the start of the system to that of the process. Absent where the system does not tell. */
  startTicks: z.string().optional(),
});
export type LocatedProcess = z.infer<typeof locatedProcess>;

/** `locks/controller.json`. `renewals` makes every renewal a new version; a released lock has no holder. */
export const controllerLock = z.object({
  v: formatVersion,
  holder: z.string().optional(),
  epoch: z.int().nonnegative(),
  renewals: z.int().nonnegative(),
  /** How long it lives without a renewal, by its holder's figures; absent in locks of older builds. */
  ttlMs: z.number().positive().optional(),
  /** That of the holder, on one machine. */
  process: locatedProcess.optional(),
});
export type ControllerLock = z.infer<typeof controllerLock>;

/** By which others judge a lock: its holder's time to live where that is longer than theirs. It may be another build. */
export const ttlMsOf = ({ ttlMs = 0 }: Pick<ControllerLock, 'ttlMs'>, ownTtlMs: number): number =>
  Math.max(ttlMs, ownTtlMs);

/** `controller/report.json`: what the controller sees, wants and remembers. Its successor starts from it. */
export const controllerReport = z.object({
  v: formatVersion,
  holder: z.string(),
  epoch: z.int().nonnegative(),
  updatedAtMs: z.number(),
  driver: z.string(),
  policy: z.string(),
  min: z.int().nonnegative(),
  max: z.int().nonnegative(),
  target: z.int().nonnegative(),
  /** Why the fleet is the size it is. */
  reason: z.string(),
  warnings: z.array(z.string()),
  machines: z.array(
    z.object({
      id: z.string(),
      phase: z.enum(['booting', 'idle', 'busy', 'draining', 'stopped']),
      launchedAtMs: z.number(),
      kind: z.string().optional(),
      hourlyUsd: z.number().nonnegative().optional(),
    }),
  ),
  lastLaunchAtMs: z.number().optional(),
  /** Price of a machine that would be launched now, in US dollars an hour; absent where it is not known. */
  hourlyUsd: z.number().nonnegative().optional(),
  measured: z.object({
    imagesPerSecond: z.number().positive().optional(),
    bootMs: z.number().nonnegative().optional(),
    imagesPerMessage: z.number().positive().optional(),
  }),
  /** US dollars for machines: in all, of those not attributed to a job yet, and by job. Absent where no price is known. */
  cost: z
    .object({
      sinceMs: z.number(),
      totalUsd: z.number().nonnegative(),
      unattributedUsd: z.number().nonnegative(),
      byJobUsd: z.record(z.string(), z.number().nonnegative()),
      hourlyUsd: z.number().nonnegative(),
    })
    .optional(),
});
export type ControllerReport = z.infer<typeof controllerReport>;

/** One moment of the fleet's life. */
export const fleetSample = z.object({
  /** Wall clock, milliseconds since 1970. */
  atMs: z.number(),
  /** Messages in the request queues, all together. */
  messages: z.int().nonnegative(),
  booting: z.int().nonnegative(),
  idle: z.int().nonnegative(),
  busy: z.int().nonnegative(),
  draining: z.int().nonnegative(),
  imagesPerSecond: z.number().nonnegative(),
});
export type FleetSample = z.infer<typeof fleetSample>;

/** `controller/history.json`: the last hour at most, oldest first. */
export const fleetHistory = z.object({ v: formatVersion, samples: z.array(fleetSample) });
