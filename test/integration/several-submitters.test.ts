/** Submitters of one job with an inventory, as processes of their own over the moto server. */

import { type ChildProcess, fork } from 'node:child_process';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createS3Client } from '../../src/aws/clients.ts';
import { createAwsCloud } from '../../src/aws/cloud.ts';
import type { Cloud } from '../../src/core/cloud/ports.ts';
import { FIRST_ATTEMPT, JOB_FORMAT } from '../../src/core/job/job.ts';
import { createJob, readJob } from '../../src/core/job/job-record.ts';
import { requestQueueName } from '../../src/core/job/keys.ts';
import { listParts, readPart } from '../../src/core/job/manifest.ts';
import { parseRequest } from '../../src/core/job/messages.ts';
import { rangeOf, writeShard } from '../../src/core/job/shard.ts';
import { finishIfDone } from '../../src/results/finish-if-done.ts';
import { readOutcomes } from '../../src/results/ledger.ts';
import { standInEnvironment, startMoto } from '../contract/moto.ts';

const moto = await startMoto();
const JOB = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
const MANIFEST = 's3://inventories/photos/2026-11-29T01-00Z/manifest.json';
const IMAGES = 8000;
const nameOf = (index: number) => `${(index * 7919) % IMAGES}.jpg`;

describe.skipIf(moto === undefined)('submitters of one job with an inventory', () => {
  const environment = standInEnvironment(moto?.url ?? '');
  let cloud: Cloud;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
    cloud = createAwsCloud({ cluster: 'default', inputBucket: 'input', outputBucket: 'output' });
    await cloud.queues.create(requestQueueName('default'));
    const s3 = createS3Client();
    for (const Bucket of ['input', 'output', 'inventories'])
      await s3.send(new CreateBucketCommand({ Bucket }));
    const rows = Array.from(
      { length: IMAGES },
      (_, n) => `"photos","${nameOf(n)}","1","${hash('md5', `${n}`)}"\n`,
    );
    const body = gzipSync(rows.join(''));
    const manifest = {
      sourceBucket: 'photos',
      creationTimestamp: '1764378000000',
      fileFormat: 'CSV',
      fileSchema: 'Bucket, Key, Size, ETag',
      files: [{ key: 'photos/data/1.csv.gz', size: body.byteLength, MD5checksum: hash('md5', body) }],
    };
    const put = (Key: string, Body: Buffer | string) =>
      s3.send(new PutObjectCommand({ Bucket: 'inventories', Key, Body }));
    await put('photos/data/1.csv.gz', body);
    await put('photos/2026-11-29T01-00Z/manifest.json', JSON.stringify(manifest));
    s3.destroy();
    await createJob(cloud.output, {
      v: JOB_FORMAT,
      id: JOB,
      state: 'open',
      createdAtMs: 0,
      inputs: [MANIFEST],
      include: [],
      exclude: [],
      topK: 1,
      model: { name: 'm', version: '1', variant: 'int8', sha256: 'ab'.repeat(32) },
    });
  });
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await cloud.close();
    vi.unstubAllEnvs();
    await moto?.close();
  });

  const submitter = () => {
    const child = fork(path.join(import.meta.dirname, 'children/submit-shares.ts'), [JOB, MANIFEST], {
      env: { ...process.env, ...environment },
    });
    children.push(child);
    return child;
  };
  const parts = () => listParts(cloud.output, JOB, FIRST_ATTEMPT);

  /** Gives each image of the queue an outcome, as a worker does. @returns how often each image was sent. */
  async function answerAll(): Promise<number[]> {
    const sent = new Array<number>(IMAGES).fill(0);
    const queue = cloud.queues.open(requestQueueName('default'));
    for (;;) {
      const messages = await queue.receive({ max: 10, waitMs: 0, leaseMs: 600_000 });
      if (messages.length === 0) return sent;
      for (const { body } of messages) {
        const request = parseRequest(body);
        for (const { index } of request.images) sent[index] = (sent[index] ?? 0) + 1;
        const error = { code: 'missing' as const, message: 'No such object.' };
        const outcomes = request.images.map(({ index, name }) => ({ v: 1 as const, index, name, error }));
        await writeShard(cloud.output, JOB, { range: rangeOf(request), outcomes });
      }
      await queue.delete(messages.map(({ receipt }) => receipt));
    }
  }

  it('give each image one outcome, though one of them is killed in between', async () => {
    const [killed, other] = [submitter(), submitter()];
    const exited = once(other, 'exit');
    await expect
      .poll(async () => (await parts()).length, { interval: 5, timeout: 60_000 })
      .toBeGreaterThan(3);
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    const unmarked = (await parts()).filter(({ isAnnounced }) => !isAnnounced);
    const sizes = unmarked.map(async (place) => (await readPart(cloud.output, JOB, place)).length);
    const halfAnnounced = (await Promise.all(sizes)).reduce((sum, images) => sum + images, 0);
    expect(await exited).toEqual([0, null]);
    expect(await readJob(cloud.output, JOB)).toMatchObject({ state: 'sealed', total: IMAGES });
    const sent = await answerAll();
    expect(sent.filter((count) => count === 0)).toEqual([]);
    const twice = sent.reduce((sum, count) => sum + count - 1, 0);
    console.log(`Sent twice: ${twice}. Half announced at the kill, by both: ${halfAnnounced}.`);
    expect(twice).toBeLessThanOrEqual(halfAnnounced);
    const record = await readJob(cloud.output, JOB);
    expect(await finishIfDone(cloud.output, record, { nowMs: 1 })).toMatchObject({ state: 'finished' });
    const outcomes = await Array.fromAsync(readOutcomes(cloud.output, JOB));
    expect(outcomes.map(({ index, name }) => [index, name])).toEqual(
      Array.from({ length: IMAGES }, (_, index) => [index, nameOf(index)]),
    );
  });
});
