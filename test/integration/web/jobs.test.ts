import { ulid } from 'ulid';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createJob } from '../../../src/core/job/job-record.ts';
import { jobKey, manifestPartKey } from '../../../src/core/job/keys.ts';
import { writePart } from '../../../src/core/job/manifest.ts';
import { ImgclsError } from '../../../src/core/runtime/errors.ts';
import type { JobView } from '../../../src/web/api.ts';
import { MODEL } from '../worker-harness.ts';
import { openService } from './service.ts';

let service: Awaited<ReturnType<typeof openService>>;
afterEach(async () => await service.close());

const make = async (id: string, state: 'open' | 'cancelled') =>
  await createJob(service.cloud.output, {
    v: 1,
    id,
    state,
    createdAtMs: 0,
    inputs: [],
    include: [],
    exclude: [],
    topK: 1,
    model: MODEL,
  });
const page = async (query: string) =>
  (await service.app.inject({ url: `/v1/jobs?${query}`, headers: { host: 'localhost' } })).json();

describe('jobs of one state', () => {
  it('are found page by page, each of which reads a bounded number of jobs', async () => {
    service = await openService({});
    const ids = Array.from({ length: 250 }, (_, at) => ulid(1000 + at)).reverse();
    const open = [ids[120], ids[249]];
    for (const id of ids) await make(id, open.includes(id) ? 'open' : 'cancelled');
    const reads = vi.spyOn(service.cloud.output, 'get');
    const found: string[] = [];
    const pages: number[] = [];
    for (let after = ''; ; ) {
      reads.mockClear();
      const { jobs, next } = await page(`state=open&limit=5${after}`);
      // One for each job, and a few for each of the listed ones.
      expect(reads.mock.calls.length).toBeLessThan(110);
      found.push(...jobs.map(({ id }: { id: string }) => id));
      pages.push(jobs.length);
      if (next === undefined) break;
      after = `&after=${next}`;
    }
    expect(found).toEqual(open);
    expect(pages).toEqual([0, 1, 1]);
  });

  it('include one that cannot be read for now, with the reason', async () => {
    service = await openService({});
    const ids = Array.from({ length: 2 }, (_, at) => ulid(1000 + at)).reverse();
    for (const id of ids) await make(id, 'open');
    const get = service.cloud.output.get.bind(service.cloud.output);
    vi.spyOn(service.cloud.output, 'get').mockImplementation(async (key, options) => {
      if (key === jobKey(String(ids[0]))) throw new ImgclsError('permanent', 'Access denied.');
      return await get(key, options);
    });
    const { jobs } = await page('state=open');
    expect(jobs).toMatchObject([{ id: ids[0], unknown: 'Access denied.' }, { id: ids[1] }]);
  });

  it('end with their last page, full or not', async () => {
    service = await openService({});
    const ids = Array.from({ length: 4 }, (_, at) => ulid(1000 + at)).reverse();
    for (const id of ids) await make(id, 'open');
    const idsOf = ({ jobs }: { jobs: { id: string }[] }) => jobs.map(({ id }) => id);
    const first = await page('limit=2');
    expect([idsOf(first), first.next]).toEqual([ids.slice(0, 2), ids[1]]);
    const second = await page(`limit=2&after=${ids[1]}`);
    expect([idsOf(second), second.next]).toEqual([ids.slice(2), undefined]);
    expect(await page('state=finished')).toEqual({ jobs: [] });
  });
});

describe('the first images of listed jobs', () => {
  it('are read once, however often the list is asked for', async () => {
    service = await openService({});
    const { output } = service.cloud;
    const ids = Array.from({ length: 20 }, (_, at) => ulid(1000 + at));
    const firstPart = { attempt: 1, part: 0 };
    for (const id of ids) {
      await make(id, 'open');
      const image = { index: 0, name: `${id}.jpg`, source: `${id}.jpg`, bytes: 1, bucket: 'input', key: id };
      await writePart(output, id, firstPart, [{ ...image, sha256: '0'.repeat(64) }]);
    }
    const reads = vi.spyOn(output, 'get');
    const readParts = () =>
      reads.mock.calls.filter(([key]) => ids.some((id) => key === manifestPartKey(id, firstPart)));
    for (let poll = 0; poll < 3; poll++) {
      const { jobs } = await page('');
      expect(jobs.map(({ firstImages }: JobView) => firstImages)).toEqual(
        ids.toReversed().map((id) => [{ index: 0, name: `${id}.jpg` }]),
      );
    }
    await service.app.inject({ url: `/v1/jobs/${ids[0]}`, headers: { host: 'localhost' } });
    expect(readParts()).toHaveLength(ids.length);
  });
});
