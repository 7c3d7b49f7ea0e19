import { ulid } from 'ulid';
import { afterEach, describe, expect, it } from 'vitest';
import type { Client } from '../../../src/client/client.ts';
import type { SubmitJob } from '../../../src/client/new-job.ts';
import { createJob, readJob } from '../../../src/core/job/job-record.ts';
import { MODEL } from '../worker-harness.ts';
import { openService } from './service.ts';

let service: Awaited<ReturnType<typeof openService>>;
let submitted: { inputs: readonly string[]; job: SubmitJob }[];
let sealed: PromiseWithResolvers<void>;
afterEach(async () => await service.close());

/** A service whose jobs are submitted when the test says so. */
async function open(allowUrls: readonly string[]) {
  submitted = [];
  sealed = Promise.withResolvers();
  const client = {
    async submit(inputs: readonly string[], job: SubmitJob) {
      submitted.push({ inputs, job });
      await add(job.id ?? '', inputs);
      return { submitted: sealed.promise };
    },
    job: async (id: string) => ({ record: () => readJob(service.cloud.output, id) }),
    retry: async () => ({ submitted: sealed.promise }),
  } as unknown as Partial<Client>;
  const selectModel = async () => ({ model: MODEL });
  service = await openService(client, { selectModel, allowBuckets: ['b'], allowUrls });
}

const add = async (id: string, inputs: readonly string[]) =>
  await createJob(service.cloud.output, {
    v: 1,
    id,
    state: 'open',
    createdAtMs: 0,
    topK: 1,
    model: MODEL,
    inputs: [...inputs],
    include: [],
    exclude: [],
  });

const submit = async (inputs: readonly string[], remoteAddress = '192.0.2.1') =>
  await service.app.inject({
    method: 'POST',
    url: '/v1/jobs/named',
    remoteAddress,
    headers: { 'content-type': 'application/json', host: 'localhost' },
    payload: { inputs },
  });

describe('web addresses in a request', () => {
  it('are refused with what to do unless the operator allows them', async () => {
    await open([]);
    const response = await submit(['s3://b/', 'https://example.org/a.jpg']);
    expect(response.statusCode).toBe(403);
    expect(response.json()).toMatchObject({
      detail: 'The service is not allowed to fetch images from example.org.',
      hint: expect.stringContaining('--allow-urls'),
    });
    expect(submitted).toEqual([]);
  });

  it('make a job with the objects of S3, and the response does not wait for them', async () => {
    await open(['public']);
    const inputs = ['https://example.org/a.jpg', 's3://b/', 'http://example.com/b?c'];
    const response = await submit(inputs);
    expect(response.statusCode).toBe(201);
    expect(submitted).toMatchObject([{ inputs, job: { allowUrls: ['public'] } }]);
  });

  it.each([
    ['http://127.0.0.1:8080/a.jpg', 403],
    ['http://example.org:22/', 403],
    ['https://ada:secret@example.org/a.jpg', 422],
    ['https://[/', 422],
    ['file:///etc/passwd', 400],
    ['ftp://example.org/a.jpg', 400],
  ])('are refused if one is %s', async (address, status) => {
    await open(['public']);
    expect((await submit(['https://example.org/a.jpg', address])).statusCode).toBe(status);
    expect(submitted).toEqual([]);
  });

  it('are 1,000 at most, of 2,048 characters each', async () => {
    await open(['public']);
    const long = `https://example.org/${'a'.repeat(2048 - 20)}`;
    expect((await submit(Array<string>(1000).fill(long))).statusCode).toBe(201);
    expect((await submit(Array<string>(1001).fill(long))).statusCode).toBe(400);
  });

  it('of two jobs of one caller are fetched at a time; other callers and other jobs go on', async () => {
    await open(['public']);
    const addresses = ['https://example.org/a.jpg'];
    const statuses = async (...callers: string[]) => {
      const found: number[] = [];
      for (const caller of callers) found.push((await submit(addresses, caller)).statusCode);
      return found;
    };
    expect(await statuses('192.0.2.1', '192.0.2.1', '192.0.2.1', '192.0.2.2')).toEqual([201, 201, 429, 201]);
    expect((await submit(['s3://b/'])).statusCode).toBe(201);
    sealed.resolve();
    await expect.poll(() => statuses('192.0.2.1')).toEqual([201]);
  });
});

describe('a retry', () => {
  it.each([
    ['web addresses', ['https://example.org/a.jpg']],
    ['a list, which may have had some', ['-']],
  ])('of %s does not wait for what it fetches, and counts as a job that does', async (_, inputs) => {
    await open(['public']);
    const id = ulid();
    await add(id, inputs);
    const retry = { method: 'POST', url: `/v1/jobs/${id}/retry`, remoteAddress: '192.0.2.1' } as const;
    const statuses: number[] = [];
    for (let retries = 0; retries < 3; retries++)
      statuses.push((await service.app.inject({ ...retry, headers: { host: 'localhost' } })).statusCode);
    expect(statuses).toEqual([200, 200, 429]);
  });
});
