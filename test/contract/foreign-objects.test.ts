/** Objects of other programs, and hand-edited ones: each is named and isolated, and everything else goes on. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openChores } from '../../src/app/chores.ts';
import { openController, openLock } from '../../src/app/open-controller.ts';
import type { RunSettings } from '../../src/app/settings.ts';
import { createAwsCloud } from '../../src/aws/cloud.ts';
import type { Cloud } from '../../src/core/cloud/ports.ts';
import { CONTROLLER_TIMING } from '../../src/core/fleet/controller-timing.ts';
import type { ManifestEntry, NewJob } from '../../src/core/job/job.ts';
import { createJob, readJob, sealJob } from '../../src/core/job/job-record.ts';
import {
  activeKey,
  CONTROLLER_LOCK_KEY,
  deadLetterQueueName,
  jobCostKey,
  requestQueueName,
  shardKey,
} from '../../src/core/job/keys.ts';
import { writePart } from '../../src/core/job/manifest.ts';
import { writeShard } from '../../src/core/job/shard.ts';
import type { Outcome } from '../../src/core/model/outcome.ts';
import { noLog } from '../../src/core/runtime/log.ts';
import { checkStoredObjects } from '../../src/doctor/stored-objects.ts';
import { createLocalCloud } from '../../src/local/cloud.ts';
import { deleteJob } from '../../src/results/delete-job.ts';
import { oldImages, oldJobs } from '../../src/results/expire.ts';
import { readFailures } from '../../src/results/failures.ts';
import { listJobIds, readJobs } from '../../src/results/job-list.ts';
import { readOutcomes } from '../../src/results/ledger.ts';
import type { FleetDriver } from '../../src/scaler/fleet.ts';
import type { PolicySettings } from '../../src/scaler/policy/policy.ts';
import { standInEnvironment, startMoto } from './moto.ts';
import { putStrange, STRANGE_OBJECTS, UNREADABLE_JOBS, unreadableJobs } from './strange-objects.ts';
import { until } from './until.ts';

const moto = await startMoto();
const never = new AbortController().signal;
const SOUND = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
const IMAGES = 32;
const record: NewJob = {
  v: 1,
  id: SOUND,
  state: 'open',
  createdAtMs: Date.now(),
  inputs: [],
  include: [],
  exclude: [],
  topK: 1,
  model: { name: 'stub', version: '1', variant: 'fp32', sha256: 'ab'.repeat(32) },
};
const POLICY: PolicySettings = {
  policy: 'backlog',
  min: 0,
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
const SETTINGS = { imagesPerSecond: 5, bootDeadlineSeconds: 300 } as RunSettings;

/** Counts launches. */
class NoFleet implements FleetDriver {
  launched = 0;
  members = async () => [];
  async launch({ count }: { count: number }) {
    this.launched += count;
    return { started: Array.from({ length: count }, () => randomUUID()) };
  }
  retire = async () => {};
  terminate = async () => {};
  hourlyUsd = async () => 0;
}

async function openLocalCloud() {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'imgcls-foreign-'));
  const cloud = createLocalCloud({ dataDir, cluster: 'test' });
  return { cloud, release: () => cloud.close().then(() => rm(dataDir, { recursive: true })) };
}

async function openMotoCloud() {
  for (const [name, value] of Object.entries(standInEnvironment(moto?.url ?? ''))) vi.stubEnv(name, value);
  const cluster = randomUUID().slice(0, 8);
  const admin = new S3Client({ forcePathStyle: true });
  for (const bucket of ['in', 'out'])
    await admin.send(new CreateBucketCommand({ Bucket: `${cluster}-${bucket}` }));
  admin.destroy();
  const buckets = { inputBucket: `${cluster}-in`, outputBucket: `${cluster}-out` };
  const cloud = createAwsCloud({ cluster, ...buckets, concurrency: 8 });
  return {
    cloud,
    async release() {
      await cloud.close();
      vi.unstubAllEnvs();
    },
  };
}

afterAll(() => moto?.close());

describe.each([
  ['of one machine', false, openLocalCloud],
  ['over S3', moto === undefined, openMotoCloud],
])('a store %s with foreign and hand-edited objects', (_, isSkipped, open) => {
  let cloud: Cloud;
  let release: () => Promise<void>;
  const unreadable = Object.values(UNREADABLE_JOBS);
  const outcomeAt = (index: number): Outcome => ({
    v: 1,
    index,
    name: `${index}.jpg`,
    labels: [{ wnid: 'n1', label: 'cat', score: 1 }],
    model: 'stub@1/fp32',
    ms: 1,
  });

  /** A sealed job with an outcome for every image. */
  async function submitSound(): Promise<void> {
    await createJob(cloud.output, record);
    const entries = Array.from({ length: IMAGES }, (_, index): ManifestEntry => {
      const name = `${index}.jpg`;
      return { index, name, source: name, bytes: 1, bucket: cloud.input.bucket, key: `images/${index}` };
    });
    await writePart(cloud.output, SOUND, { attempt: 1, part: 0 }, entries);
    for (let first = 0; first < IMAGES; first += 16) {
      const range = { attempt: 1, first, last: first + 15 };
      const outcomes = Array.from({ length: 16 }, (_, place) => outcomeAt(first + place));
      await writeShard(cloud.output, SOUND, { range, outcomes }, { signal: never });
    }
    await sealJob(cloud.output, SOUND, IMAGES);
  }

  beforeEach(async (context) => {
    context.skip(isSkipped);
    ({ cloud, release } = await open());
    await cloud.queues.create(deadLetterQueueName(cloud.cluster));
    await cloud.queues.create(requestQueueName(cloud.cluster));
    await submitSound();
    for (const id of unreadable) await cloud.output.put(activeKey(id), new Uint8Array());
    await putStrange(cloud, [...STRANGE_OBJECTS, ...unreadableJobs(record)]);
  });
  afterEach(() => release?.());

  it('names each of them, and what to do', async () => {
    const { message, status } = await checkStoredObjects(cloud, never);
    expect(status).toBe('action_needed');
    const lines = message.split('\n').slice(1);
    const keys = [...unreadableJobs(record), ...STRANGE_OBJECTS].map(({ key }) => key);
    for (const key of keys)
      expect(
        lines.filter((line) => line.startsWith(`${key}:`) || line.startsWith(`${key} `)),
        key,
      ).toEqual([expect.stringMatching(/\. \S.*\.$/)]);
    expect(message).toContain(`${keys.length} objects of`);
    expect(message).toMatch(/the record of job \S+ is a copy of that of job/i);
  });

  it('has a controller that launches for the sound jobs at its first tick, and maintains them', async () => {
    await cloud.queues.open(requestQueueName(cloud.cluster)).send([{ body: 'a request' }]);
    await cloud.output.put(CONTROLLER_LOCK_KEY, Buffer.from('not JSON'));
    await cloud.output.put(jobCostKey(SOUND), Buffer.from('not JSON'));
    const timing = { ...CONTROLLER_TIMING[cloud.kind], lockTtlMs: 400 };
    const lock = openLock(cloud, 'test', timing);
    await until('it has the lock', async () => {
      await lock.keep();
      return lock.epoch !== undefined;
    });
    const driver = new NoFleet();
    const fleet = { driver, name: 'none' };
    const heldLock = { epoch: lock.epoch, isInherited: false } as typeof lock;
    const controller = openController({
      cloud,
      settings: SETTINGS,
      policy: POLICY,
      timing,
      lock: heldLock,
      holder: 'test',
      fleet,
      log: noLog,
    });
    const tick = await controller.tick();
    expect(tick?.failures).toEqual([]);
    expect(tick?.observation.snapshot.jobs).toEqual([
      { id: SOUND, totalImages: IMAGES, costUsd: 0, doneImages: 0 },
    ]);
    expect(driver.launched).toBe(1);
    for (const chore of openChores(cloud, timing)) await chore.run(never, () => {});
    expect(await readJob(cloud.output, SOUND)).toMatchObject({ state: 'finished' });
  });

  it('lists all jobs, finds those to delete, and deletes an unreadable one', async () => {
    const ids = await listJobIds(cloud.output);
    const listed = await Array.fromAsync(readJobs(cloud, ids, { nowMs: Date.now() }));
    expect(listed.filter((job) => !('unknown' in job)).map(({ id }) => id)).toEqual([SOUND]);
    expect(new Set(listed.filter((job) => 'unknown' in job).map(({ id }) => id))).toEqual(
      new Set(unreadable),
    );
    const later = { nowMs: Date.now() + 90 * 24 * 3600_000, maxAgeMs: 0 };
    const old = await Array.fromAsync(oldJobs(cloud.output, later));
    expect(
      old
        .filter(({ kind }) => kind === 'unreadable')
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual(unreadable);
    // Their jobs may still need the images.
    expect(await Array.fromAsync(oldImages(cloud, later))).toEqual([]);
    await deleteJob(cloud, UNREADABLE_JOBS.edited);
    expect(await listJobIds(cloud.output)).not.toContain(UNREADABLE_JOBS.edited);
  });

  it('gives the images of a hand-edited shard errors that a retry finds, and the others their labels', async () => {
    const range = { attempt: 1, first: 16, last: 31 };
    await cloud.output.put(shardKey(SOUND, range), Buffer.from('{"v":1,"index":16,"label":"dog"}\n'));
    // A copy of a shard from a larger job.
    const beyond = { attempt: 1, first: 160, last: 175 };
    await cloud.output.put(shardKey(SOUND, beyond), Buffer.from('copied'));
    const outcomes = await Array.fromAsync(readOutcomes(cloud.output, SOUND));
    expect(outcomes.slice(0, 16)).toEqual(Array.from({ length: 16 }, (_, index) => outcomeAt(index)));
    expect(outcomes.slice(16, IMAGES)).toEqual(
      Array.from({ length: 16 }, (_, place) => ({
        v: 1,
        index: 16 + place,
        name: `${16 + place}.jpg`,
        error: { code: 'unreadable', message: expect.stringContaining(shardKey(SOUND, range)) },
      })),
    );
    const failures = await Array.fromAsync(readFailures(cloud.output, SOUND, 2));
    expect(failures.slice(0, 16)).toEqual(Array.from({ length: 16 }, (_, place) => 16 + place));
  });
});
