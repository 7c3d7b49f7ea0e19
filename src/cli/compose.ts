// Builds the adapters that the settings ask for and hands them to the flows. Nothing else knows which cloud it is.

import { hostname } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ulid } from 'ulid';
import { type Attendance, type Client, createClient } from '../client/client.ts';
import { ImgclsError } from '../core/errors.ts';
import { LOCK_TTL_MS } from '../core/fleet.ts';
import { deadLetterQueueName, requestQueueName } from '../core/keys.ts';
import type { Cloud, Store } from '../core/ports.ts';
import { environmentName } from '../core/settings.ts';
import { createProcessFleet } from '../scaler/drivers/process.ts';
import { LockKeeper } from '../scaler/lock.ts';
import { standBy } from '../scaler/stand-by.ts';
import { watchForWorkers } from '../scaler/watch-for-workers.ts';
import { systemClock } from './clock.ts';
import { foreignBucket } from './foreign-bucket.ts';
import type { RunSettings } from './settings.ts';

/** Messages received so often without being acknowledged become dead letters. */
const MAX_RECEIVE_COUNT = 20;
const RETENTION_MS = 14 * 24 * 3600 * 1000;

export const newWorkerId = (): string => `w-${ulid().toLowerCase()}`;

/** The cluster's cloud, its queues made where they are missing and may be made. */
export async function openCloud(settings: RunSettings): Promise<Cloud> {
  return settings.cloud === 'aws' ? await openAws(settings) : await openLocal(settings);
}

async function openLocal({ dataDir, cluster }: RunSettings): Promise<Cloud> {
  const { createLocalCloud } = await import('../local/cloud.ts');
  const local = await createLocalCloud({ dataDir, cluster });
  await local.queues.create(deadLetterQueueName(cluster), { retentionMs: RETENTION_MS });
  await local.queues.create(requestQueueName(cluster), {
    deadLetter: { queue: deadLetterQueueName(cluster), maxReceiveCount: MAX_RECEIVE_COUNT },
    retentionMs: RETENTION_MS,
  });
  const own = [local.input, local.output];
  const foreign = new Map<string, Store>();
  return {
    ...local,
    bucket(name) {
      const store = own.find(({ bucket }) => bucket === name) ?? foreign.get(name) ?? foreignBucket(name);
      if (!own.includes(store)) foreign.set(name, store);
      return store;
    },
  };
}

async function openAws({ cluster, inputBucket, outputBucket, concurrency }: RunSettings): Promise<Cloud> {
  if (inputBucket === undefined || outputBucket === undefined) {
    throw new ImgclsError('config', 'Cloud aws needs inputBucket and outputBucket.');
  }
  const { createAwsCloud } = await import('../aws/cloud.ts');
  return await createAwsCloud({ cluster, inputBucket, outputBucket, concurrency });
}

/** A client on a cloud; in local mode its waiters see to it that workers run. */
export function openClient(cloud: Cloud, settings: RunSettings, notice: (text: string) => void): Client {
  return createClient({
    cloud,
    clock: systemClock,
    random: Math.random,
    newId: ulid,
    readBucket: (name) => cloud.bucket(name),
    attend: () => (cloud.kind === 'local' ? attendLocally(cloud, settings) : attendRemotely(cloud, notice)),
    concurrency: settings.concurrency,
    maxImageBytes: settings.maxImageBytes,
  });
}

function attendLocally(cloud: Cloud, settings: RunSettings): Attendance {
  const failed = new AbortController();
  const bin = fileURLToPath(new URL('../../bin/imgcls.js', import.meta.url));
  const standing = standBy({
    lock: new LockKeeper({ store: cloud.output, holder: ulid(), clock: systemClock, ttlMs: LOCK_TTL_MS }),
    fleet: createProcessFleet({
      output: cloud.output,
      command: [process.execPath, bin, 'worker', '--managed'],
      env: { ...process.env, ...settingsEnvironment(settings) },
      logDir: path.join(settings.dataDir, settings.cluster, 'logs'),
      host: hostname(),
      clock: systemClock,
      newWorkerId,
    }),
    output: cloud.output,
    requests: cloud.queues.open(requestQueueName(cloud.cluster)),
    // One worker has a runner on every core.
    workers: 1,
    clock: systemClock,
    onFailure: (error) => failed.abort(error),
  });
  return { failed: failed.signal, leave: (givenUp) => standing.leave(givenUp) };
}

function attendRemotely(cloud: Cloud, notice: (text: string) => void): Attendance {
  const ended = new AbortController();
  void watchForWorkers({ output: cloud.output, clock: systemClock, signal: ended.signal }).then((found) => {
    if (!found)
      notice('No worker has reported in this cluster yet; "imgcls worker" on a machine of yours starts one.');
  });
  return {
    failed: new AbortController().signal,
    async leave() {
      ended.abort();
    },
  };
}

/** A worker works with the settings of the process that launched it, wherever those came from. */
function settingsEnvironment(settings: RunSettings): Record<string, string> {
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    given.map(([name, value]) => [environmentName(name as keyof RunSettings), String(value)]),
  );
}
