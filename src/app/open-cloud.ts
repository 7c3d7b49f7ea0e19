// The composition root: this folder builds the adapters that the settings name and passes them to the other folders' code.
// The command line, the library (src/index.ts), the benchmarks and tools/ use it; nothing here imports src/cli.

import { ulid } from 'ulid';
import { type Client, createJobClient } from '../client/client.ts';
import type { ControllerSession } from '../client/controller-session.ts';
import { FILES_BUCKET } from '../core/cloud/files-in-place.ts';
import type { Cloud, Store, UploadUrls } from '../core/cloud/ports.ts';
import { retryingCloud } from '../core/cloud/retrying-cloud.ts';
import { CONTROLLER_TIMING } from '../core/fleet/controller-timing.ts';
import { deadLetterQueueName, interactiveQueueName, requestQueueName } from '../core/job/keys.ts';
import { MAX_RECEIVE_COUNT } from '../core/job/messages.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { noLog } from '../core/runtime/log.ts';
import { drainFleet } from '../scaler/drain.ts';
import { processesOfThisMachine } from '../scaler/drivers/processes.ts';
import type { FleetDriver } from '../scaler/fleet.ts';
import { handOver } from '../scaler/hand-over.ts';
import { startLoop } from '../scaler/loop.ts';
import type { PolicySettings } from '../scaler/policy/policy.ts';
import { watchForWorkers } from '../scaler/watch-for-workers.ts';
import { openChores } from './chores.ts';
import type { LiveSettings } from './live-settings.ts';
import { openAwsCloud } from './open-aws-cloud.ts';
import { openController, openLock } from './open-controller.ts';
import { openProcessFleet } from './open-fleet.ts';
import { readOnlyBucket } from './read-only-bucket.ts';
import { RefusedLaunches } from './refused-launches.ts';
import { installedClassifier } from './select-job-model.ts';
import type { RunSettings } from './settings.ts';
import { systemClock } from './system-clock.ts';
import { openWaker } from './wake-controller.ts';

const RETENTION_MS = 14 * 24 * 3600 * 1000;
/** The longest that a client waits for a single image. */
export const INTERACTIVE_RETENTION_MS = 60_000;

/** One worker runs a model runner on every core. It starts before the first message arrives. */
const ONE_WORKER: PolicySettings = {
  policy: 'backlog',
  min: 1,
  max: 1,
  maxLaunchPerTick: 1,
  cooldownMs: 0,
  idleMs: undefined,
  targetMs: 60_000,
  billingMinimumMs: 0,
  hourlyUsd: 0,
  maxHourlyCostUsd: undefined,
  maxJobCostUsd: undefined,
};

/** The cluster's cloud, for every command that works with jobs or the fleet. Creates missing queues on one machine. */
export async function openCloud(settings: RunSettings): Promise<Cloud> {
  return settings.cloud === 'aws' ? await openAwsCloud(settings) : await openLocal(settings);
}

async function openLocal(settings: RunSettings): Promise<Cloud> {
  const { createLocalCloud } = await import('../local/cloud.ts');
  const { dataDir, cluster } = settings;
  const local = createLocalCloud({ dataDir, cluster, processes: processesOfThisMachine() });
  const { queues } = retryingCloud(local, { clock: systemClock, random: Math.random });
  await queues.create(deadLetterQueueName(cluster), { retentionMs: RETENTION_MS });
  await queues.create(requestQueueName(cluster), {
    deadLetter: { queue: deadLetterQueueName(cluster), maxReceiveCount: MAX_RECEIVE_COUNT },
    retentionMs: RETENTION_MS,
  });
  await queues.create(interactiveQueueName(cluster), { retentionMs: INTERACTIVE_RETENTION_MS });
  const own = [local.input, local.output, local.bucket(FILES_BUCKET)];
  const foreign = new Map<string, Store>();
  return {
    ...local,
    bucket(name) {
      const store =
        own.find(({ bucket }) => bucket === name) ?? foreign.get(name) ?? readOnlyBucket(name, settings);
      if (!own.includes(store)) foreign.set(name, store);
      return store;
    },
  };
}

/** Presigned URLs by which a browser uploads to the input bucket; undefined on one machine and with `uploads: service`. */
export async function openUploadUrls(settings: RunSettings): Promise<UploadUrls | undefined> {
  const { cloud, inputBucket, uploads } = settings;
  if (cloud !== 'aws' || inputBucket === undefined || uploads === 'service') return undefined;
  const { createUploadUrls } = await import('../aws/upload-urls.ts');
  return createUploadUrls(inputBucket);
}

/** A job client. On one machine a client that waits also runs the controller. */
export function openClient(cloud: Cloud, settings: RunSettings, notice: (text: string) => void): Client {
  const waker = openWaker(settings, systemClock);
  const client = createJobClient({
    cloud,
    clock: systemClock,
    random: Math.random,
    newId: ulid,
    readBucket: (name) => cloud.bucket(name),
    joinController: () => joinController(cloud, settings, notice),
    classifierOf: (model) => installedClassifier(settings, model),
    concurrency: settings.concurrency,
    ...(cloud.kind === 'local' && { localFiles: settings.localFiles }),
    maxImageBytes: settings.maxImageBytes,
    ...(settings.packBelowBytes !== undefined && { packBelowBytes: settings.packBelowBytes }),
    ...(waker && { wakeController: waker.wake }),
  });
  return {
    ...client,
    async close() {
      await Promise.all([client.close(), waker?.close()]);
    },
  };
}

/** Keeps workers running while a caller waits; on AWS the cluster's own controller does that. */
export const joinController = (
  cloud: Cloud,
  settings: RunSettings,
  notice: (text: string) => void,
): ControllerSession =>
  cloud.kind === 'local'
    ? joinLocalController(cloud, settings, { launches: new RefusedLaunches() })
    : watchRemoteController(cloud, settings, notice);

/** A fleet of worker processes and the policy that sizes it. */
interface LocalFleet {
  driver: FleetDriver;
  policy: PolicySettings;
  /** Absent: the settings stay as they are. */
  live?: LiveSettings;
}

export interface LocalControllerOptions {
  /** Default: one worker. */
  fleet?: LocalFleet;
  /** Ends the session if no worker can be started. Absent: a service keeps trying. */
  launches?: RefusedLaunches;
  /** Called with each error that a retry will not fix. The controller goes on: a person may fix the cause. */
  onProblem?(error: unknown): void;
}

/** Runs a controller in this process, or waits to take over from one in another process of this machine. */
export function joinLocalController(
  cloud: Cloud,
  settings: RunSettings,
  { fleet = oneWorker(cloud, settings), launches, onProblem }: LocalControllerOptions = {},
): ControllerSession {
  const failed = new AbortController();
  const fail = (error: unknown) => {
    failed.abort(error);
    onProblem?.(error);
  };
  const holder = ulid();
  const timing = CONTROLLER_TIMING.local;
  const lock = openLock(cloud, holder, timing);
  const { driver, policy, live } = fleet;
  const loop = startLoop({
    controller: openController({
      cloud,
      ...(live && { live }),
      settings,
      policy,
      timing,
      lock,
      holder,
      fleet: { driver, name: 'process' },
      log: noLog,
    }),
    lock,
    chores: openChores(cloud, timing),
    tickMs: 1000,
    lockRenewEveryMs: timing.lockRenewEveryMs,
    lockLookEveryMs: timing.lockLookEveryMs,
    clock: systemClock,
    random: Math.random,
    log: noLog,
    onTick({ answer, blockage }) {
      const why = answer?.permanent?.why ?? blockage;
      if (why !== undefined) fail(new ImgclsError('permanent', why));
      const refusal = launches?.note(answer, systemClock.monotonicMs());
      if (refusal !== undefined) fail(refusal);
    },
    onProblem: fail,
  });
  return {
    failed: failed.signal,
    async leave(abandoned) {
      await loop.stop();
      const requests = cloud.queues.open(requestQueueName(cloud.cluster));
      const endWorkers = () => drainFleet({ driver, lock, timing, clock: systemClock });
      await handOver({ lock, output: cloud.output, requests, endWorkers, clock: systemClock }, abandoned);
    },
  };
}

const oneWorker = (cloud: Cloud, settings: RunSettings): LocalFleet => ({
  driver: openProcessFleet(cloud, settings, () => 1).driver,
  policy: ONE_WORKER,
});

function watchRemoteController(
  cloud: Cloud,
  { controllerFunction }: Pick<RunSettings, 'controllerFunction'>,
  notice: (text: string) => void,
): ControllerSession {
  const ended = new AbortController();
  void watchForWorkers({ output: cloud.output, clock: systemClock, signal: ended.signal }).then((found) => {
    if (!found)
      notice(
        controllerFunction === undefined
          ? 'No worker has reported in this cluster yet; "imgcls worker" on a machine of yours starts one.'
          : 'No worker is running yet. The controller launches one, which takes a minute or two; "imgcls status" shows how far it is.',
      );
  });
  return {
    failed: new AbortController().signal,
    async leave() {
      ended.abort();
    },
  };
}
