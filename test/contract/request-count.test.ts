/** The requests of a job over S3 and SQS, as they are sent, beside those that its quote counts before. */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { makeStandInCluster } from '../../benchmarks/stand-in-cluster.ts';
import { batchCount } from '../../src/core/job/batches.ts';
import { program, start } from '../e2e/package.ts';
import { labelByContent, linesOf, writeImages } from '../e2e/plain-images.ts';
import { type FaultProxy, type ProxiedRequest, startFaultProxy } from './fault-proxy.ts';
import { startMoto } from './moto.ts';

const moto = await startMoto();
const MEBIBYTE = 1024 * 1024;
/** Thirteen of them fill a pack, so that a batch of 16 has two. */
const BYTES = 600_000;

describe.skipIf(moto === undefined)('the quote of a job on AWS', () => {
  let folder: string;
  let proxy: FaultProxy;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'imgcls-requests-'));
    proxy = await startFaultProxy(moto?.url ?? '');
    const cluster = await makeStandInCluster(proxy.url, `requests-${randomUUID().slice(0, 8)}`);
    env = { ...labelByContent, ...cluster, IMGCLS_LEASE_SECONDS: '600', IMGCLS_MODEL: 'efficientnet-lite0' };
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await proxy?.close();
    await moto?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('counts the requests that the job then makes: objects, batches, parts of the manifest, messages', async () => {
    const photos = path.join(folder, 'photos');
    const images = 1 + (await writeImages(photos, 40, BYTES)).size;
    await writeFile(path.join(photos, 'larger-than-a-pack.jpg'), randomBytes(9 * MEBIBYTE));

    const quoted = await start(program(), folder, ['upload', photos, '--dry-run', '--format', 'json'], env)
      .finished;
    expect(quoted.code, quoted.stderr).toBe(0);
    const { requests } = JSON.parse(quoted.stdout);
    const from = proxy.requests.length;
    const worker = start(program(), folder, ['worker'], env);
    const { code, stdout, stderr } = await start(program(), folder, ['upload', photos], env).finished;
    worker.kill('SIGTERM');
    await worker.finished;
    expect(code, stderr).toBe(0);
    expect(linesOf(stdout)).toHaveLength(images);

    const sent = proxy.requests.slice(from);
    const of = (method: string, key: RegExp) =>
      sent.filter((one) => one.method === method && key.test(one.path));
    expect(of('PUT', /\/images\//), 'two packs, two packs, one pack, and one photograph alone').toHaveLength(
      6,
    );
    expect(of('PUT', /\/results\//), 'one shard a batch').toHaveLength(batchCount(images));
    expect(of('PUT', /\/(images|jobs|active)\//).length).toBe(requests.s3Put);
    expect(of('HEAD', /\/images\//)).toEqual([]);
    expect(of('GET', /\/images\//).length + of('HEAD', /./).length).toBe(requests.s3Get);
    const messages = (action: string) =>
      sent.filter((one) => one.action.startsWith(action)).reduce((sum, one) => sum + entriesOf(one), 0);
    expect([3 * messages('SendMessage'), 3 * messages('DeleteMessage')]).toEqual([
      requests.sqs,
      requests.sqs,
    ]);
  });
});

const entriesOf = ({ body }: ProxiedRequest): number => JSON.parse(String(body)).Entries?.length ?? 1;
