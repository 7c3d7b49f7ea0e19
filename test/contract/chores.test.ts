/** The controller's maintenance tasks over SQS and S3 of moto. */
import { randomUUID } from 'node:crypto';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import { createAwsCloud } from '../../src/aws/cloud.ts';
import type { Cloud } from '../../src/core/cloud/ports.ts';
import { createJob, readJob, sealJob } from '../../src/core/job/job-record.ts';
import { deadLetterQueueName, requestQueueName } from '../../src/core/job/keys.ts';
import type { RequestMessage } from '../../src/core/job/messages.ts';
import { isError } from '../../src/core/model/outcome.ts';
import { drainDeadLetters } from '../../src/results/dead-letters.ts';
import { readOutcomes } from '../../src/results/ledger.ts';
import { settleJobs } from '../../src/results/settle-jobs.ts';
import { markAsBegun } from './mark-begun.ts';
import { standInEnvironment, startMoto } from './moto.ts';
import { until } from './until.ts';

const moto = await startMoto();
const never = new AbortController().signal;
const JOB = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
const model = { name: 'stub', version: '1', variant: 'fp32', sha256: 'ab'.repeat(32) } as const;
const request: RequestMessage = {
  v: 1,
  job: JOB,
  attempt: 1,
  model,
  topK: 1,
  images: [0, 1].map((index) => ({ index, name: `${index}.jpg`, bucket: 'b', key: `k/${index}` })),
};

describe.skipIf(moto === undefined)('maintenance tasks over moto', () => {
  let cloud: Cloud;

  beforeEach(async () => {
    for (const [name, value] of Object.entries(standInEnvironment(moto?.url ?? ''))) vi.stubEnv(name, value);
    const bucket = `imgcls-chores-${randomUUID()}`;
    const admin = new S3Client({ forcePathStyle: true });
    await admin.send(new CreateBucketCommand({ Bucket: bucket }));
    admin.destroy();
    const cluster = randomUUID().slice(0, 8);
    cloud = createAwsCloud({ cluster, inputBucket: bucket, outputBucket: bucket, concurrency: 8 });
    await cloud.queues.create(deadLetterQueueName(cluster));
    const deadLetter = { queue: deadLetterQueueName(cluster), maxReceiveCount: 2 };
    await cloud.queues.create(requestQueueName(cluster), { deadLetter });
    const inputs = { inputs: [], include: [], exclude: [] };
    await createJob(cloud.output, {
      v: 1,
      id: JOB,
      state: 'open',
      createdAtMs: 0,
      ...inputs,
      topK: 1,
      model,
    });
    await sealJob(cloud.output, JOB, 2);
  });
  afterEach(async () => {
    await cloud.close();
    vi.unstubAllEnvs();
  });
  afterAll(() => moto?.close());

  it('finish a job whose only batch was delivered too often', async () => {
    const requests = cloud.queues.open(requestQueueName(cloud.cluster));
    await requests.send([{ body: JSON.stringify(request), groupId: JOB }]);
    await markAsBegun(cloud, JSON.stringify(request));
    const deadLetters = cloud.queues.open(deadLetterQueueName(cloud.cluster));
    await until('the message is a dead letter', async () => {
      const found = await requests.receive({ max: 1, waitMs: 0, leaseMs: 60_000 });
      await requests.extend(
        found.map(({ receipt }) => receipt),
        0,
      );
      return (await deadLetters.depth()).waiting > 0 ? true : undefined;
    });
    await drainDeadLetters(cloud, systemClock).run(never, () => {});
    const outcomes = await Array.fromAsync(readOutcomes(cloud.output, JOB));
    expect(outcomes.map((one) => isError(one) && one.error.code)).toEqual(['deadline', 'deadline']);
    await settleJobs(cloud, systemClock).run(never, () => {});
    expect(await readJob(cloud.output, JOB)).toMatchObject({ state: 'finished' });
    expect(await Array.fromAsync(cloud.output.list('dlq/'))).toHaveLength(1);
  });
});
