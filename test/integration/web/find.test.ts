/** What the page searches and lists: photographs of all jobs by label, and the jobs themselves. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ulid } from 'ulid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeShard } from '../../../src/core/job/shard.ts';
import type { Outcome } from '../../../src/core/model/outcome.ts';
import { createLocalCloud } from '../../../src/local/cloud.ts';
import { openService } from './service.ts';

let service: Awaited<ReturnType<typeof openService>>;
const older = ulid(Date.UTC(2026, 10, 1));
const newer = ulid(Date.UTC(2026, 10, 2));
let folder: string;

/** Labels the images of a job: each by its name and the score. */
async function label(job: string, names: readonly string[], scores: readonly number[]): Promise<void> {
  const outcomes = names.map((name, index): Outcome => {
    const place = { v: 1 as const, index, name };
    if (name === 'notes.jpg') return { ...place, error: { code: 'not_an_image', message: 'It is a text.' } };
    const best = { wnid: `n-${name}`, label: path.parse(name).name, score: scores[index] as number };
    const category = name.startsWith('flat') ? { category: { name: 'dog', score: best.score } } : {};
    return { ...place, labels: [best], ms: 1, model: 'stub/fp32', ...category };
  });
  const range = { attempt: 1, first: 0, last: names.length - 1 };
  await writeShard(service.cloud.output, job, { range, outcomes });
}

beforeAll(async () => {
  service = await openService({});
  folder = path.join(service.folder, 'photos');
  await mkdir(folder);
  const names = ['notes.jpg', 'golden retriever.jpg', 'tabby.jpg', 'retriever.jpg'];
  for (const name of names) await writeFile(path.join(folder, name), name);
  const inputs = names.map((name) => ({
    kind: 'file' as const,
    name,
    source: path.join(folder, name),
    path: path.join(folder, name),
  }));
  await service.submit(older, inputs);
  await label(older, names, [0, 0.6, 0.9, 0.8]);
  await service.submit(
    newer,
    ['b.png', 'a.png'].map((name) => ({
      kind: 'bytes' as const,
      name,
      source: name,
      bytes: Buffer.from(name),
    })),
  );
  await label(newer, ['espresso.jpg', 'flat-coated retriever.jpg'], [0.5, 0.95]);
});
afterAll(() => service.close());

const get = async (url: string) => {
  const answer = await service.app.inject({ url, headers: { host: 'localhost' } });
  return { status: answer.statusCode, body: answer.json() };
};

describe('a search', () => {
  it('finds photographs of all jobs, best first, with what a page needs to show each', async () => {
    const { status, body } = await get('/v1/find?q=retrievers');
    expect(status).toBe(200);
    expect(body).toEqual({
      photographs: [
        expect.objectContaining({ job: newer, index: 1, name: 'a.png', label: 'flat-coated retriever' }),
        {
          job: older,
          index: 3,
          name: 'retriever.jpg',
          path: path.join(folder, 'retriever.jpg'),
          label: 'retriever',
          wnid: 'n-retriever.jpg',
          score: 0.8,
          labelledAtMs: Date.UTC(2026, 10, 1),
          thumbnail: `jobs/${older}/images/3/thumbnail`,
        },
        expect.objectContaining({ index: 1, name: 'golden retriever.jpg' }),
      ],
      total: 3,
    });
    expect(body.photographs[0], 'an upload has no path').not.toHaveProperty('path');
  });

  it('for a category names the best label of each photograph, too', async () => {
    const { photographs } = (await get('/v1/find?q=dog')).body;
    expect(photographs).toEqual([
      expect.objectContaining({ name: 'a.png', category: 'dog', best: 'flat-coated retriever' }),
    ]);
    expect(photographs[0]).not.toHaveProperty('label');
  });

  it('comes in pages, and leaves out low scores', async () => {
    const scores = async (more: string) => {
      const { body } = await get(`/v1/find?q=retriever&${more}`);
      return {
        ...body,
        photographs: body.photographs.map(({ score }: { score: number }) => score.toFixed(2)),
      };
    };
    expect(await scores('limit=2')).toEqual({ photographs: ['0.95', '0.80'], total: 3, next: 2 });
    expect(await scores('limit=2&from=2')).toEqual({ photographs: ['0.60'], total: 3 });
    expect(await scores('minScore=0.7')).toEqual({ photographs: ['0.95', '0.80'], total: 2 });
    expect(await scores('from=2147483648')).toMatchObject({ photographs: [] });
  });

  it('says what mistyped words may mean', async () => {
    expect((await get('/v1/find?q=expreso')).body).toEqual({
      photographs: [],
      total: 0,
      didYouMean: 'espresso',
    });
    expect((await get('/v1/find?q=espresso')).body).not.toHaveProperty('didYouMean');
  });

  it('finds nothing without a word', async () => {
    expect((await get('/v1/find?q=%20-')).body).toEqual({ photographs: [], total: 0 });
  });

  it('leaves out files that are gone', async () => {
    await rm(path.join(folder, 'tabby.jpg'));
    expect((await get('/v1/find?q=tabby')).body).toEqual({ photographs: [], total: 1 });
  });

  it.each(['', 'q=', 'q=dog&limit=201', 'q=dog&from=-1', 'q=dog&minScore=2', 'q=dog&other=1'])(
    'needs words, and bounds: ?%s',
    async (query) => {
      expect((await get(`/v1/find?${query}`)).status).toBe(400);
    },
  );

  it('is not there on S3, and the answer says what is', async () => {
    const { search: _search, ...onS3 } = createLocalCloud({ dataDir: service.folder, cluster: 'test' });
    const other = await openService({}, { cloud: onS3 });
    const answer = await other.app.inject({ url: '/v1/find?q=dog', headers: { host: 'localhost' } });
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toMatchObject({ detail: expect.stringContaining('one machine') });
    expect(answer.json().hint).toContain('docs/query.md');
    await other.close();
    await onS3.close();
  });
});

describe('a job', () => {
  it.each(['list', 'view'])(
    'is recognised by its inputs and its first images that could be read: %s',
    async (where) => {
      const list = (await get('/v1/jobs')).body.jobs;
      expect(list.map(({ id }: { id: string }) => id)).toEqual([newer, older]);
      const [upload, labelled] =
        where === 'list'
          ? list
          : [(await get(`/v1/jobs/${newer}`)).body, (await get(`/v1/jobs/${older}`)).body];
      expect(labelled).toMatchObject({ inputs: [folder], inputCount: 1 });
      expect(upload.firstImages).toEqual([
        { index: 0, name: 'b.png' },
        { index: 1, name: 'a.png' },
      ]);
      expect(labelled.firstImages).toHaveLength(4);
    },
  );
});
