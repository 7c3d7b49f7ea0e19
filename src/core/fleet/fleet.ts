import * as z from 'zod';
import { locatedProcess } from '../runtime/located-process.ts';
import { formatVersion } from '../runtime/versioned.ts';

/** How often a worker writes its status. It also writes it on every change of state. */
export const STATUS_INTERVAL_MS = 15_000;

/** A worker whose status is older counts as gone. A killed worker leaves its last status behind. */
export const WORKER_GONE_MS = 4 * STATUS_INTERVAL_MS;

/** No status is larger. A forged one must not fill the memory of its readers. */
export const MAX_STATUS_BYTES = 64 * 1024;

export const workerState = z.enum(['booting', 'ready', 'busy', 'draining', 'outdated', 'failed']);
export type WorkerState = z.infer<typeof workerState>;

/** A worker in such a state receives no more messages and ends soon. */
export const isStopping = (state: WorkerState): boolean =>
  state === 'draining' || state === 'outdated' || state === 'failed';

/** `fleet/<workerId>.json`: the status of a worker. Times are wall clock, milliseconds since 1970. */
export const workerStatus = z.object({
  v: formatVersion,
  id: z.string(),
  state: workerState,
  /** Why it failed. */
  failure: z.string().optional(),
  /** Messages of a newer imgcls that it received and released for {@link NEWER_RELEASE_MS}. */
  newerMessages: z.int().nonnegative().optional(),
  host: z.string(),
  /** Launched by a controller, which also ends it. A controller leaves other workers alone. */
  managed: z.boolean(),
  pid: z.int().positive(),
  startedAtMs: z.number(),
  updatedAtMs: z.number(),
  /** Milliseconds from process start; absent until reached. */
  boot: z.object({
    /** From the launch request, and from the kernel's start, to process start. On EC2 only. */
    launchToProcessMs: z.number().optional(),
    kernelToProcessMs: z.number().optional(),
    runtimeLoadedMs: z.number().optional(),
    modelReadyMs: z.number().optional(),
    readyMs: z.number().optional(),
    firstMessageMs: z.number().optional(),
    firstResultMs: z.number().optional(),
  }),
  imagesDone: z.int().nonnegative(),
  /** Those of them from the interactive queue, one a message. The fields below do not count them. */
  interactiveDone: z.int().nonnegative().optional(),
  /** Request messages answered; gives the number of images per message. */
  messagesDone: z.int().nonnegative().optional(),
  /** Since the last report. */
  imagesPerSecond: z.number().nonnegative(),
  /** Share of the time since the last report in which it had work, 0 to 1. */
  busyShare: z.number().min(0).max(1).optional(),
  /** Outcomes written, by job, for its most recent jobs. */
  imagesByJob: z.record(z.string(), z.int().nonnegative()).optional(),
  runners: z.int().nonnegative(),
  /** Resident memory of the worker and its runners together, and its peak. */
  rssBytes: z.int().nonnegative(),
  peakRssBytes: z.int().nonnegative(),
  /** sha256 of the models in memory. */
  models: z.array(z.string()),
  version: z.string(),
});
export type WorkerStatus = z.infer<typeof workerStatus>;

/** Whether the status stays for about an hour after its worker's end, since people and the controller need to know. */
export const outlivesWorker = ({ state, newerMessages = 0 }: WorkerStatus): boolean =>
  state === 'failed' || newerMessages > 0;

/**
 * A message of a newer imgcls is hidden for so long. Workers of the same version do not meet it in this time, and a rolling
 * upgrade has time to start newer ones. With the deliveries that a message has, it waits for more than an hour and a half.
 */
export const NEWER_RELEASE_MS = 5 * 60_000;

/** A worker on a machine of its own ends the machine after being idle without a controller for this long. */
export const OWN_MACHINE_EXIT_MS = 600_000;

/** `locks/controller.json`. `renewals` makes every renewal a new version; a released lock has no holder. */
export const controllerLock = z.object({
  v: formatVersion,
  holder: z.string().optional(),
  epoch: z.int().nonnegative(),
  renewals: z.int().nonnegative(),
  /** Time to live without a renewal, as its holder has it; absent in locks of older builds. */
  ttlMs: z.number().positive().optional(),
  /** The holder's process, on one machine. */
  process: locatedProcess.optional(),
});
export type ControllerLock = z.infer<typeof controllerLock>;

/** No build has a longer time to live. A lock that was edited by hand must not leave a cluster without a controller. */
const MAX_LOCK_TTL_MS = 10 * 60_000;

/** Time to live by which others judge a lock: the longer one of the holder's, which may be another build, and their own. */
export const ttlMsOf = ({ ttlMs = 0 }: Pick<ControllerLock, 'ttlMs'>, ownTtlMs: number): number =>
  Math.max(Math.min(ttlMs, MAX_LOCK_TTL_MS), ownTtlMs);

/** `controller/report.json`: what the controller observes, decides and remembers. Its successor starts from it. */
export const controllerReport = z.object({
  v: formatVersion,
  holder: z.string(),
  epoch: z.int().nonnegative(),
  updatedAtMs: z.number(),
  /** The controller has left in good order, and something starts it again by then. Absent while it runs. */
  returnsByMs: z.number().optional(),
  driver: z.string(),
  policy: z.string(),
  min: z.int().nonnegative(),
  max: z.int().nonnegative(),
  /** Settings that are not the defaults, and where each is from: `cluster` for those of "imgcls cluster set". */
  settings: z.record(z.string(), z.object({ value: z.unknown(), from: z.string() })).optional(),
  target: z.int().nonnegative(),
  /** The reason for the size of the fleet. */
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
  /** Workers of a large fleet of which the controller only knows what they reported up to a minute ago. Absent if none. */
  unreadStatuses: z.int().positive().optional(),
  /** Launches that failed since a machine worked, and why the last one did. Absent if there are none. */
  failedLaunches: z
    .object({
      count: z.int().positive(),
      /** Of the largest of them. Absent: one. */
      machines: z.int().positive().optional(),
      lastAtMs: z.number(),
      why: z.string(),
      /** The machine image that was launched. Absent if machines have none. */
      image: z.string().optional(),
    })
    .optional(),
  /** The machine image of which a machine worked, if it is the one that was launched last. */
  workedImage: z.string().optional(),
  /** What spot instances cost in US dollars an hour, as the controller read it last. Absent if it never did. */
  spot: z
    .object({ fromUsd: z.number().nonnegative(), toUsd: z.number().nonnegative(), atMs: z.number() })
    .optional(),
  /** The most that a machine launched now costs, in US dollars an hour; absent if unknown. */
  hourlyUsd: z.number().nonnegative().optional(),
  measured: z.object({
    imagesPerSecond: z.number().positive().optional(),
    /** By instance type of EC2. */
    imagesPerSecondByType: z.record(z.string(), z.number().positive()).optional(),
    bootMs: z.number().nonnegative().optional(),
    imagesPerMessage: z.number().positive().optional(),
    /** What an image usually costs in time of one machine, by the sha256 of its model. */
    msPerImageByModel: z.record(z.string(), z.number().positive()).optional(),
  }),
  /** Work that is expected because it came regularly. Absent if none is, within a day. */
  expected: z
    .object({
      /** Machines start then, which are ready when the work is expected. */
      launchAtMs: z.number(),
      atMs: z.number(),
      /** Machines that wait for it are kept until then. */
      untilMs: z.number(),
      /** For one machine. */
      workMs: z.number().nonnegative(),
      /** In words, with what speaks for it. */
      rhythm: z.string(),
    })
    .optional(),
  /** US dollars for machines: in all, of those not attributed to a job yet, and by job. Absent before the first count. */
  cost: z
    .object({
      sinceMs: z.number(),
      totalUsd: z.number().nonnegative(),
      unattributedUsd: z.number().nonnegative(),
      byJobUsd: z.record(z.string(), z.number().nonnegative()),
      hourlyUsd: z.number().nonnegative(),
      /** What was spent in the last calendar month (UTC, "2026-11") in which anything was counted. */
      month: z
        .object({
          name: z.string(),
          usd: z.number().nonnegative(),
          /** A controller of an older version, which did not count by month, may have run in it. */
          isLowerBound: z.literal(true).optional(),
        })
        .optional(),
      /** Since then some machine had no known price, so the totals are lower bounds. */
      unknownSinceMs: z.number().optional(),
    })
    .optional(),
});
export type ControllerReport = z.infer<typeof controllerReport>;

/** The fleet at one moment. */
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

/** `controller/history.json`: the last day at most, oldest first. Samples that are older than an hour are few. */
export const fleetHistory = z.object({ v: formatVersion, samples: z.array(fleetSample) });
