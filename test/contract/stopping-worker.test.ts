/** A worker that is stopped while it waits for messages, over an SQS that leases messages to a poll whose caller has gone. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createS3Client } from '../../src/aws/clients.ts';
import { createAwsCloud } from '../../src/aws/cloud.ts';
import type { Cloud, Queue } from '../../src/core/cloud/ports.ts';
import { interactiveQueueName, requestQueueName } from '../../src/core/job/keys.ts';
import { program, type Running, start } from '../e2e/package.ts';
import { labelByContent, linesOf, writeImages } from '../e2e/plain-images.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { standInEnvironment, startMoto } from './moto.ts';
import { until } from './until.ts';

const moto = await startMoto();
/** Far longer than the test: a message that the stopped worker kept would not come again. */
const LEASE_SECONDS = 600;

describe.skipIf(moto === undefined)('a job that arrives while an idle worker stops', () => {
  const cluster = `stopping-${randomUUID().slice(0, 8)}`;
  const buckets = { inputBucket: `${cluster}-input`, outputBucket: `${cluster}-output` };
  let folder: string;
  let proxy: FaultProxy;
  let cloud: Cloud;
  let requests: Queue;
  const running: Running[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'imgcls-stopping-'));
    proxy = await startFaultProxy(moto?.url ?? '');
    for (const [name, value] of Object.entries(standInEnvironment(proxy.url))) vi.stubEnv(name, value);
    const s3 = createS3Client();
    for (const Bucket of Object.values(buckets)) await s3.send(new CreateBucketCommand({ Bucket }));
    s3.destroy();
    cloud = createAwsCloud({ cluster, ...buckets });
    requests = await cloud.queues.create(requestQueueName(cluster));
    await cloud.queues.create(interactiveQueueName(cluster));
  });
  afterEach(async () => {
    for (const each of running.splice(0)) {
      each.kill('SIGKILL');
      await each.finished;
    }
  });
  afterAll(async () => {
    await cloud?.close();
    vi.unstubAllEnvs();
    await proxy?.close();
    await moto?.close();
    await rm(folder, { recursive: true, force: true });
  });

  function imgcls(...args: string[]): Running {
    const one = start(program(), folder, args, {
      ...labelByContent,
      IMGCLS_CLOUD: 'aws',
      IMGCLS_MODEL: 'efficientnet-lite0',
      IMGCLS_CLUSTER: cluster,
      IMGCLS_INPUT_BUCKET: buckets.inputBucket,
      IMGCLS_OUTPUT_BUCKET: buckets.outputBucket,
      IMGCLS_LEASE_SECONDS: String(LEASE_SECONDS),
      IMGCLS_LOG_LEVEL: 'info',
    });
    running.push(one);
    return one;
  }

  it('is done by another worker at once', async () => {
    const labels = await writeImages(path.join(folder, 'photos'), 3);
    const announced = await imgcls('upload', path.join(folder, 'photos'), '--no-wait').finished;
    expect(announced.code, announced.stderr).toBe(0);
    // The test holds the message until the worker waits for one and is told to stop.
    const [message] = await requests.receive({ max: 1, waitMs: 5_000, leaseMs: 1_000 * LEASE_SECONDS });
    const polls = () =>
      proxy.requests.filter(
        ({ action, body }) => action === 'ReceiveMessage' && String(body).includes(requests.name),
      ).length;
    const before = polls();
    const leaving = imgcls('worker', '--id', 'leaving');
    await until('it polls', async () => polls() > before || undefined);
    leaving.kill('SIGTERM');
    await until('it stops', async () => leaving.stderr().includes('draining') || undefined);
    await requests.extend([message?.receipt ?? ''], 0);
    expect(await leaving.finished).toMatchObject({ code: 0 });

    imgcls('worker', '--id', 'staying');
    const { code, stdout, stderr } = await imgcls('results', announced.stdout.trim(), '--wait').finished;
    expect(code, stderr).toBe(0);
    expect(linesOf(stdout)).toEqual([...labels].map(([name, label]) => `${name}, ${label}`));
  });
});
