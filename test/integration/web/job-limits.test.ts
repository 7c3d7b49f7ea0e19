import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Client } from '../../../src/client/client.ts';
import type { SubmitJob } from '../../../src/client/new-job.ts';
import { createJob } from '../../../src/core/job/job-record.ts';
import { MODEL } from '../worker-harness.ts';
import { openService } from './service.ts';

let service: Awaited<ReturnType<typeof openService>>;
let submitted: SubmitJob[];
beforeEach(async () => {
  submitted = [];
  const client = {
    async submit(_: unknown, job: SubmitJob) {
      submitted.push(job);
      const lists = { inputs: [], include: [], exclude: [] };
      const record = {
        v: 1,
        id: job.id ?? '',
        state: 'open',
        createdAtMs: 0,
        topK: 1,
        model: MODEL,
      } as const;
      await createJob(service.cloud.output, { ...record, ...lists });
      return { submitted: Promise.resolve() };
    },
  } as unknown as Partial<Client>;
  service = await openService(client, { selectModel: async () => ({ model: MODEL }), allowBuckets: ['b'] });
});
afterEach(async () => await service.close());

const submit = async (limits: object) =>
  await service.app.inject({
    method: 'POST',
    url: '/v1/jobs',
    headers: { 'content-type': 'application/json', host: 'localhost' },
    payload: { inputs: ['s3://b/'], ...limits },
  });

describe('a job submitted with REST', () => {
  it('has the deadline and the limit of cost of the request', async () => {
    const { statusCode } = await submit({ by: '2026-06-30T09:00:00+02:00', maxCostUsd: 0.5 });
    expect(statusCode).toBe(201);
    expect(submitted).toMatchObject([{ by: new Date('2026-06-30T07:00:00Z'), maxCostUsd: 0.5 }]);
    await submit({});
    expect(submitted[1]).not.toHaveProperty('by');
    expect(submitted[1]).not.toHaveProperty('maxCostUsd');
  });

  it.each([[{ by: 'soon' }], [{ maxCostUsd: 0 }], [{ maxCostUsd: '1' }]])(
    'is refused with %j',
    async (limits) => {
      expect((await submit(limits)).statusCode).toBe(400);
      expect(submitted).toEqual([]);
    },
  );
});
