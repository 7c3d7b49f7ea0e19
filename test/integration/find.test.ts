/** Photographs found by label over all jobs, from an index that follows the ledger. */
import { hash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FILES_BUCKET } from '../../src/core/cloud/files-in-place.ts';
import type { Cloud, Store } from '../../src/core/cloud/ports.ts';
import type { SearchIndex } from '../../src/core/cloud/search-index.ts';
import type { ManifestEntry, NewJob } from '../../src/core/job/job.ts';
import { createJob, finishJob, sealJob } from '../../src/core/job/job-record.ts';
import { writePart } from '../../src/core/job/manifest.ts';
import { writeShard } from '../../src/core/job/shard.ts';
import type { Outcome } from '../../src/core/model/outcome.ts';
import { createLocalCloud } from '../../src/local/cloud.ts';
import { findDuplicates } from '../../src/photos/find/find-duplicates.ts';
import { findPhotographs, type Query } from '../../src/photos/find/find-photographs.ts';
import { searchLedger } from '../../src/photos/find/search-ledger.ts';
import { hasWords } from '../../src/photos/find/words.ts';
import { deleteJob } from '../../src/results/delete-job.ts';
import { MODEL } from './worker-harness.ts';

let dataDir: string;
let cloud: Cloud;
beforeEach(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'imgcls-find-'));
  cloud = createLocalCloud({ dataDir, cluster: 'test' });
});
afterEach(async () => {
  await cloud.close();
  await rm(dataDir, { recursive: true });
});

/** A photograph: its file, and its labels with their scores; none for an error. A label in capitals is its category. */
type Photograph = [file: string, labels: Record<string, number>, content?: string];

const isCategory = (text: string) => text === text.toUpperCase();

const BATCH = 2;
let clockMs = Date.UTC(2026, 10, 1);

/** A job of these photographs, in shards of two. @returns its id. */
async function label(photographs: readonly Photograph[], more: Partial<NewJob> = {}): Promise<string> {
  const job = await submit(photographs, more);
  for (let first = 0; first < photographs.length; first += BATCH) await classify(job, photographs, first);
  await sealJob(cloud.output, job, photographs.length);
  await finishJob(cloud.output, { id: job, attempt: 1 }, 0);
  return job;
}

async function submit(photographs: readonly Photograph[], more: Partial<NewJob> = {}): Promise<string> {
  clockMs += 1000;
  const id = ulid(clockMs);
  await createJob(cloud.output, {
    v: 1,
    id,
    state: 'open',
    createdAtMs: clockMs,
    inputs: ['photos'],
    folder: '/home',
    include: [],
    exclude: [],
    topK: 5,
    model: MODEL,
    ...more,
  });
  const entries = photographs.map(
    ([file, , content = file], index): ManifestEntry => ({
      index,
      name: path.basename(file),
      source: file,
      bytes: content.length,
      bucket: more.inputs?.length === 0 || more.localFiles === 'copy' ? 'input' : FILES_BUCKET,
      key: file,
      sha256: hash('sha256', content),
    }),
  );
  await writePart(cloud.output, id, { attempt: 1, part: 0 }, entries);
  return id;
}

async function classify(job: string, photographs: readonly Photograph[], first: number): Promise<void> {
  const outcomes = photographs.slice(first, first + BATCH).map(([file, labels], at): Outcome => {
    const place = { v: 1 as const, index: first + at, name: path.basename(file) };
    const classes = Object.entries(labels).filter(([text]) => !isCategory(text));
    const scored = classes.map(([text, score]) => ({ wnid: `n-${text}`, label: text, score }));
    const [name, score = 0] = Object.entries(labels).find(([text]) => isCategory(text)) ?? [];
    if (scored.length === 0) return { ...place, error: { code: 'deadline', message: 'Too late.' } };
    const category = name === undefined ? {} : { category: { name: name.toLowerCase(), score } };
    return { ...place, labels: scored, ms: 1, model: 'stub/fp32', ...category };
  });
  const range = { attempt: 1, first, last: first + outcomes.length - 1 };
  await writeShard(cloud.output, job, { range, outcomes });
}

const search = () => cloud.search as SearchIndex;

/** `file label score`, as they are found. */
function find(words: string, query: Partial<Query> = {}, output: Store = cloud.output): Promise<string[]> {
  const matches = hasWords([words]);
  const whole = {
    isWanted: (one: { label: string }) => matches(one.label),
    minScore: 0,
    isSearched: () => true,
  };
  const run = async (index: SearchIndex) => {
    const found = await Array.fromAsync(findPhotographs(index, { ...whole, ...query }, { atOnce: 2 }));
    return found.map(({ place, label: { label }, score }) => `${place.at} ${label} ${score.toFixed(2)}`);
  };
  return searchLedger({ output, search: search() }, run, {});
}

/** The store, and the shards that were read from it. */
function counted(): { output: Store; shards: string[] } {
  const shards: string[] = [];
  const output = new Proxy(cloud.output, {
    get: (target, name) => {
      if (name !== 'get') return Reflect.get(target, name)?.bind?.(target) ?? Reflect.get(target, name);
      return (key: string, ...rest: []) => {
        if (key.includes('/results/')) shards.push(key);
        return target.get(key, ...rest);
      };
    },
  });
  return { output, shards };
}

const DOGS: Photograph[] = [
  ['/a/1.jpg', { 'golden retriever': 0.6, 'Labrador retriever': 0.3, tabby: 0.1 }],
  ['/a/2.jpg', { tabby: 0.9 }],
  ['/a/3.jpg', {}],
  ['/b/4.jpg', { 'Labrador retriever': 0.15 }],
  ['/b/5.jpg', { 'flat-coated retriever': 0.95 }],
];

describe('photographs', () => {
  it('are found by a word of their labels, in any case and number, the highest scores first', async () => {
    await label(DOGS);
    const retrievers = ['/b/5.jpg flat-coated retriever 0.95', '/a/1.jpg golden retriever 0.60'];
    expect(await find('Retrievers')).toEqual([...retrievers, '/b/4.jpg Labrador retriever 0.15']);
    expect(await find('retriever', { minScore: 0.5 })).toEqual(retrievers);
    expect(await find('golden RETRIEVER')).toEqual(['/a/1.jpg golden retriever 0.60']);
    expect(await find('retrieve')).toEqual([]);
  });

  it('are found by their best label and by others that are more than guesses', async () => {
    await label(DOGS);
    expect(await find('labrador')).toEqual([
      '/a/1.jpg Labrador retriever 0.30',
      '/b/4.jpg Labrador retriever 0.15',
    ]);
    expect(await find('tabby')).toEqual(['/a/2.jpg tabby 0.90']);
  });

  it('are found by their category, with its score', async () => {
    await label([
      ['/a.jpg', { pug: 0.3, boxer: 0.25, DOG: 0.9 }],
      ['/b.jpg', { tabby: 0.8, CAT: 0.9 }],
    ]);
    expect(await find('dogs')).toEqual(['/a.jpg dog 0.90']);
    expect(await find('boxer')).toEqual(['/a.jpg boxer 0.25']);
  });

  it('have the label of their newest prediction among the jobs that are searched', async () => {
    const older = await label([
      ['/a.jpg', { pug: 0.9 }],
      ['/b.jpg', { pug: 0.8 }],
    ]);
    const newer = await label([
      ['/a.jpg', { tabby: 0.9 }],
      ['/b.jpg', {}],
    ]);
    expect(await find('pug')).toEqual(['/b.jpg pug 0.80']);
    expect(await find('tabby')).toEqual(['/a.jpg tabby 0.90']);
    expect(await find('pug', { isSearched: (job) => job === older })).toHaveLength(2);
    await deleteJob(cloud, newer);
    expect(await find('pug')).toEqual(['/a.jpg pug 0.90', '/b.jpg pug 0.80']);
    expect(await find('tabby')).toEqual([]);
  });

  it('are there once for all uploads of the same content, as the newest job labelled it', async () => {
    const uploads = { inputs: [] };
    await label([['a.jpg', { pug: 0.9 }, 'the pug']], uploads);
    const newer = await label(
      [
        ['b.jpg', { pug: 0.8, tabby: 0.2 }, 'the pug'],
        ['a.jpg', { pug: 0.7 }, 'another pug'],
      ],
      uploads,
    );
    expect(await find('pug')).toEqual(['b.jpg pug 0.80', 'a.jpg pug 0.70']);
    await deleteJob(cloud, newer);
    expect(await find('pug')).toEqual(['a.jpg pug 0.90']);
  });

  it('are there once also if an older imgcls made the index, which counted each upload', async () => {
    const scores = [0.9, 0.8];
    for (const score of scores) await label([['a.jpg', { pug: score }, 'the pug']], { inputs: [] });
    await find('pug');
    const db = new DatabaseSync(path.join(dataDir, 'test', 'cloud.db'));
    const shards = db.prepare('SELECT shard FROM searched_pieces ORDER BY shard').all();
    for (const [at, { shard }] of shards.entries()) {
      // One photograph with one record: its number; then the photograph, the label and the score.
      const [one, number, record] = [Uint32Array.of(1, 1), Float64Array.of(at), Uint32Array.of(0, 0)];
      const columns = [one, number, record, Float32Array.of(scores[at] ?? 0)];
      const older = Buffer.concat(columns.map(({ buffer }) => Buffer.from(buffer)));
      db.prepare('UPDATE searched_pieces SET records = ? WHERE shard = ?').run(older, String(shard));
    }
    db.close();
    expect(await find('pug')).toEqual(['a.jpg pug 0.80']);
  });

  it('are at the paths of files, also of copied ones; uploads have none, whatever they are called', async () => {
    await label([['sub/a.jpg', { pug: 0.9 }]], { localFiles: 'copy' });
    await label([['s3://photos/b.jpg', { pug: 0.8 }]], { localFiles: 'copy' });
    await label([['/etc/passwd', { pug: 0.7 }]], { inputs: [] });
    const query = { isWanted: () => true, minScore: 0, isSearched: () => true };
    const run = (index: SearchIndex) => Array.fromAsync(findPhotographs(index, query, { atOnce: 9 }));
    const found = await searchLedger({ output: cloud.output, search: search() }, run, {});
    expect(found.map(({ place }) => place)).toEqual([
      { kind: 'file', at: '/home/sub/a.jpg' },
      { kind: 'object', at: 's3://photos/b.jpg' },
      { kind: 'upload', at: 'passwd' },
    ]);
  });
});

describe('the index of labels', () => {
  it('reads only what is new in the ledger', async () => {
    await label(DOGS);
    const first = counted();
    await find('tabby', {}, first.output);
    expect(first.shards).toHaveLength(3);
    const second = counted();
    expect(await find('tabby', {}, second.output)).toHaveLength(1);
    expect(second.shards).toEqual([]);
    await label([['/c.jpg', { tabby: 0.5 }]]);
    const third = counted();
    expect(await find('tabby', {}, third.output)).toHaveLength(2);
    expect(third.shards).toHaveLength(1);
  });

  it('is read a few times only, if most of what is found is gone and the caller goes on', async () => {
    await label(Array.from({ length: 400 }, (_, n): Photograph => [`/${n}.jpg`, { pug: 0.9 }]));
    expect(await find('pug')).toHaveLength(400);
    let reads = 0;
    const rest: SearchIndex['rest'] = (place) => {
      reads++;
      return search().rest(place);
    };
    const query = { isWanted: () => true, minScore: 0, isSearched: () => true };
    const found = findPhotographs({ ...search(), rest }, query, { atOnce: 1 });
    expect(await Array.fromAsync(found)).toHaveLength(400);
    // Chunks of 1, 2, 4 and so on, of one piece.
    expect(reads).toBe(9);
  });

  it('follows a job that is running', async () => {
    const job = await submit(DOGS);
    expect(await find('retriever')).toEqual([]);
    await classify(job, DOGS, 2);
    expect(await find('retriever')).toEqual(['/b/4.jpg Labrador retriever 0.15']);
    await classify(job, DOGS, 0);
    await classify(job, DOGS, 4);
    expect(await find('retriever')).toHaveLength(3);
  });

  it('is whole if several commands make it at once', async () => {
    const many = Array.from(
      { length: 1500 },
      (_, n): Photograph => [`/${n}.jpg`, { [`label ${n % 40}`]: 0.9 }],
    );
    await label(many);
    const others = Array.from({ length: 3 }, () => createLocalCloud({ dataDir, cluster: 'test' }));
    const run = (each: Cloud) =>
      searchLedger({ output: each.output, search: each.search as SearchIndex }, async () => {}, {});
    await Promise.all([cloud, ...others].map(run));
    for (const other of others) await other.close();
    const found = await find('7');
    expect(found).toHaveLength(Math.ceil((1500 - 7) / 40));
    expect(found.every((line) => line.endsWith(' label 7 0.90'))).toBe(true);
  });

  it.each([
    ['records', "UPDATE searched_pieces SET records = x'0000000100000001'"],
    ['paths', "UPDATE searched_pieces SET texts = x'00'"],
    ['labels', "UPDATE searched_jobs SET labels = '['"],
    ['names of labels', "UPDATE searched_jobs SET labels = '[]'"],
    ['pieces', 'UPDATE searched_jobs SET etag = null; DELETE FROM searched_pieces'],
  ])('is made again if its %s are damaged', async (_what, sql) => {
    await label(DOGS);
    const found = await find('retriever');
    const db = new DatabaseSync(path.join(dataDir, 'test', 'cloud.db'));
    db.exec(sql);
    db.close();
    expect(await find('retriever')).toEqual(found);
  });

  it('has nothing of a job that is deleted while it is indexed', async () => {
    const job = await label(DOGS);
    const output = new Proxy(cloud.output, {
      get: (target, name) => {
        if (name !== 'get') return Reflect.get(target, name)?.bind?.(target) ?? Reflect.get(target, name);
        return async (key: string, ...rest: []) => {
          const found = await target.get(key, ...rest);
          if (key.endsWith('000000004-000000004.ndjson')) await deleteJob(cloud, job);
          return found;
        };
      },
    });
    expect(await find('retriever', {}, output)).toEqual([]);
    const db = new DatabaseSync(path.join(dataDir, 'test', 'cloud.db'));
    for (const table of ['searched_jobs', 'searched_pieces'])
      expect(db.prepare(`SELECT count(*) AS rows FROM ${table}`).get()).toEqual({ rows: 0 });
    db.close();
  });
});

describe('a photograph that was found', () => {
  const DAMAGED: Photograph[] = [['/x.jpg', {}], ...DOGS, ['/y.jpg', {}], ['/z.jpg', { pug: 0.2 }]];
  const indexes = async () => {
    const query = { isWanted: () => true, minScore: 0, isSearched: () => true };
    const run = (index: SearchIndex) => Array.fromAsync(findPhotographs(index, query, { atOnce: 9 }));
    const found = await searchLedger({ output: cloud.output, search: search() }, run, {});
    return found.map(({ place, index }) => `${index} ${place.at}`).sort();
  };
  const expected = ['1 /a/1.jpg', '2 /a/2.jpg', '4 /b/4.jpg', '5 /b/5.jpg', '7 /z.jpg'];

  it('has its place in its job, behind images with errors too', async () => {
    await label(DAMAGED);
    expect(await indexes()).toEqual(expected);
  });

  it('has it also if an older imgcls made the index, which did not know it', async () => {
    await label(DAMAGED);
    await indexes();
    const db = new DatabaseSync(path.join(dataDir, 'test', 'cloud.db'));
    for (const { shard, texts } of db.prepare('SELECT shard, texts FROM searched_pieces').all()) {
      const { steps: _steps, ...older } = JSON.parse(inflateRawSync(texts as Uint8Array).toString());
      const update = db.prepare('UPDATE searched_pieces SET texts = ? WHERE shard = ?');
      update.run(deflateRawSync(JSON.stringify(older)), shard as string);
    }
    db.close();
    expect(await indexes()).toEqual(expected);
  });
});

describe('duplicates', () => {
  it('are files that had the same content when they were labelled last, the largest first', async () => {
    const at = (file: string, content: string): Photograph => [file, { pug: 0.9 }, content];
    await label([
      at('/a', 'same'),
      at('/b', 'same'),
      at('/c', 'other'),
      at('/d', 'longer'),
      at('/e', 'longer'),
    ]);
    await label([at('/a', 'same'), at('/e', 'changed'), at('/f', 'longer')]);
    await label([at('/g', 'same')], { inputs: [] });
    const run = (index: SearchIndex) => findDuplicates(index);
    expect(await searchLedger({ output: cloud.output, search: search() }, run, {})).toEqual([
      { bytes: 6, paths: ['/d', '/f'] },
      { bytes: 4, paths: ['/a', '/b'] },
    ]);
  });
});
