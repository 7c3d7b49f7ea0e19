/** Images that a job has labelled before: their outcomes are copied, and nothing is classified again. */

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import { createJobClient } from '../../src/client/client.ts';
import type { Job } from '../../src/client/job.ts';
import type { SubmitJob } from '../../src/client/new-job.ts';
import type { Cloud, KnownImages } from '../../src/core/cloud/ports.ts';
import { shardKey } from '../../src/core/job/keys.ts';
import { isError, type Outcome } from '../../src/core/model/outcome.ts';
import { createLocalCloud } from '../../src/local/cloud.ts';
import { deleteJob } from '../../src/results/delete-job.ts';
import { countFailures } from '../../src/results/failures.ts';
import type { Input } from '../../src/upload/inputs.ts';
import { FileSample } from '../../src/upload/known-share.ts';
import { classifierOf, gist, Harness, labels, MODEL, override } from './worker-harness.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await Harness.make();
});
afterEach(() => harness.release());

let joins = 0;
/** A client whose model has this recipe. It starts no workers, and counts how often it would. */
const clientOf = (cloud: Cloud, recipe: string) =>
  createJobClient({
    cloud,
    clock: systemClock,
    random: Math.random,
    newId: ulid,
    readBucket: (name) => cloud.bucket(name),
    joinController: () => {
      joins++;
      return { failed: new AbortController().signal, leave: async () => {} };
    },
    classifierOf: async ({ sha256 }) => classifierOf(sha256, recipe),
    concurrency: 4,
    maxImageBytes: 1e6,
  });

async function* images(texts: readonly string[]): AsyncGenerator<Input> {
  for (const [n, text] of texts.entries())
    yield { kind: 'bytes', name: `${n}.jpg`, source: `${n}.jpg`, bytes: Buffer.from(text, 'latin1') };
}

interface Submission extends Partial<SubmitJob> {
  cloud?: Cloud;
  recipe?: string;
}

async function submit(
  texts: readonly string[],
  { cloud = harness.cloud, recipe = 'recipe', ...options }: Submission = {},
): Promise<Job> {
  const job = await clientOf(cloud, recipe).submit(images(texts), {
    model: MODEL,
    topK: 1,
    wait: false,
    ...options,
  });
  await job.submitted;
  return job;
}

/** A worker, until it is idle. @returns how many images its runners got. */
async function work(recipe = 'recipe'): Promise<number> {
  const before = await classified();
  const ensure = async ({ sha256 }: { sha256: string }) => ({
    dir: harness.folder,
    sha256,
    classifier: classifierOf(sha256, recipe),
  });
  await harness.work({ models: { ensure }, maxImageBytes: 1e6 });
  return (await classified()) - before;
}

const classified = async () =>
  (await harness.runnerLines()).filter((line) => line.startsWith('image ')).length;
const outcomesOf = (job: Job): Promise<Outcome[]> => Array.fromAsync(job.results());
const isKnown = (outcome: Outcome): boolean => !isError(outcome) && outcome.known === true;

/** Labels images in a first job. */
async function label(texts: readonly string[], options: Submission = {}): Promise<Job> {
  const job = await submit(texts, options);
  await work(options.recipe);
  return job;
}

describe('a folder that was labelled before', () => {
  it('has its labels when it is submitted, without a worker, and each outcome says that it was known', async () => {
    const first = await outcomesOf(await label(labels(0, 40)));
    const again = await submit(labels(0, 40));
    expect(await outcomesOf(again)).toEqual(first.map((outcome) => ({ ...outcome, ms: 0, known: true })));
    expect(await again.settled()).toMatchObject({ state: 'finished', total: 40 });
    expect(await harness.requestsLeft()).toBe(0);
  });

  it('is known to an estimate before it is submitted, file by file or by a sample of many', async () => {
    const texts = labels(0, 40);
    await label(texts);
    const by = { classifier: classifierOf(MODEL.sha256, 'recipe'), topK: 1 };
    const fileOf = async (text: string) => {
      const file = path.join(harness.folder, `${text.slice('label:'.length)}.jpg`);
      await writeFile(file, Buffer.from(text, 'latin1'));
      return file;
    };
    const old = await Promise.all(texts.map(fileOf));
    const added = await Promise.all(labels(100, 3).map(fileOf));
    const known = harness.cloud.known as KnownImages;
    const few = new FileSample();
    for (const file of [...old, ...added, path.join(harness.folder, 'missing.jpg')]) few.add(file);
    expect(await few.countKnown(known, by)).toBe(40);
    expect(await few.countKnown(known, { ...by, topK: 2 })).toBe(0);
    const many = new FileSample();
    for (let round = 0; round < 100; round++) for (const file of [...old, ...added]) many.add(file);
    const share = (await many.countKnown(known, by)) / 4300;
    expect(share).toBeGreaterThan(0.8);
    expect(share).toBeLessThan(1);
  });

  it('starts no worker while its submitter waits', async () => {
    await label(labels(0, 40));
    joins = 0;
    const again = await submit(labels(0, 40), { wait: true });
    expect(gist(await Array.fromAsync(again.outcomes()))).toEqual([...Array(40).keys()].map(String));
    expect(joins).toBe(0);
    expect(await again.record()).toMatchObject({ state: 'finished' });
  });

  it('has only its new photographs classified, wherever they are in the folder', async () => {
    await label(labels(0, 40));
    const texts = [
      ...labels(100, 1),
      ...labels(0, 17),
      ...labels(101, 2),
      ...labels(17, 23),
      ...labels(103, 1),
    ];
    joins = 0;
    const again = await submit(texts, { wait: true });
    const waiting = Array.fromAsync(again.outcomes());
    expect(await work()).toBe(4);
    const outcomes = await waiting;
    expect(gist(outcomes)).toEqual(texts.map((text) => text.slice('label:'.length)));
    expect(outcomes.filter((outcome) => !isKnown(outcome)).map(({ index }) => index)).toEqual([
      0, 18, 19, 43,
    ]);
    expect(joins).toBe(1);
  });

  it('is classified again with fresh, and the new outcomes are the known ones then', async () => {
    const first = await label(labels(0, 20));
    const fresh = await submit(labels(0, 20), { fresh: true });
    expect(await work()).toBe(20);
    expect((await outcomesOf(fresh)).some(isKnown)).toBe(false);
    await deleteJob(harness.cloud, first.id);
    expect((await outcomesOf(await submit(labels(0, 20)))).every(isKnown)).toBe(true);
  });

  it('is classified again by another recipe, by another model, or for more labels, but not for fewer', async () => {
    await label(labels(0, 5), { topK: 2 });
    await submit(labels(0, 5), { recipe: 'newer' });
    expect(await work('newer')).toBe(5);
    await submit(labels(0, 5), { model: { ...MODEL, sha256: 'cd'.repeat(32) } });
    expect(await work()).toBe(5);
    await submit(labels(0, 5), { topK: 3 });
    expect(await work()).toBe(5);
    const fewer = await outcomesOf(await submit(labels(0, 5), { topK: 1 }));
    expect(fewer.map((outcome) => isKnown(outcome) && !isError(outcome) && outcome.labels.length)).toEqual(
      Array(5).fill(1),
    );
  });

  it('has its failed images tried again: an error is never known', async () => {
    const texts = ['bad', ...labels(0, 3), 'bad'];
    await label(texts);
    const again = await submit(texts);
    expect(await work()).toBe(2);
    expect(gist(await outcomesOf(again))).toEqual(['not_an_image', '0', '1', '2', 'not_an_image']);
  });

  it('is continued by a resume after its submitter was killed before any outcome was written', async () => {
    await label(labels(0, 20));
    const { queues, output } = harness.cloud;
    const killed = new Error('killed');
    const dying = override(output, {
      put: async (key, ...rest) => {
        if (key.includes('/results/')) throw killed;
        return await output.put(key, ...rest);
      },
    });
    const id = ulid();
    const cloud: Cloud = { ...harness.cloud, queues, output: dying };
    const announced = clientOf(cloud, 'recipe').submit(images(labels(0, 20)), {
      id,
      model: MODEL,
      topK: 1,
      wait: false,
    });
    await expect((await announced).submitted).rejects.toBe(killed);
    const resumed = await clientOf(harness.cloud, 'recipe').resume(id, {
      inputs: images(labels(0, 20)),
      wait: false,
    });
    await resumed.submitted;
    expect((await outcomesOf(resumed)).filter(isKnown)).toHaveLength(20);
    expect(await harness.requestsLeft()).toBe(0);
  });

  it('has each error once after a resume, also if an image became known since its request', async () => {
    await label(labels(1, 1));
    const { output } = harness.cloud;
    const killed = new Error('killed');
    const dying = override(output, {
      put: async (key, ...rest) => {
        if (key.endsWith('.announced')) throw killed;
        return await output.put(key, ...rest);
      },
    });
    const { known: _known, ...before } = harness.cloud;
    const id = ulid();
    const texts = ['bad', ...labels(1, 2)];
    const options = { id, model: MODEL, topK: 1, wait: false };
    const first = await clientOf({ ...before, output: dying }, 'recipe').submit(images(texts), options);
    await expect(first.submitted).rejects.toBe(killed);
    const resumed = await clientOf(harness.cloud, 'recipe').resume(id, {
      inputs: images(texts),
      wait: false,
    });
    await resumed.submitted;
    await work();
    expect(gist(await outcomesOf(resumed))).toEqual(['not_an_image', '1', '2']);
    expect(await countFailures(output, await resumed.record())).toBe(1);
  });
});

describe('what is known', () => {
  it('goes with the last job that has the image', async () => {
    const first = await label(labels(0, 20));
    const second = await submit(labels(0, 20));
    await deleteJob(harness.cloud, first.id);
    expect((await outcomesOf(await submit(labels(0, 1)))).every(isKnown)).toBe(true);
    for (const { id } of [second, ...(await jobs())]) await deleteJob(harness.cloud, id);
    expect(rows('recent_shards')).toBe(0);
    expect(rows('known_images')).toBe(0);
    expect(rows('known_shards')).toBe(0);
    await submit(labels(0, 20));
    expect(await work()).toBe(20);
  });

  it('is not what another program wrote into a result', async () => {
    const { id } = await label(labels(0, 3));
    const key = shardKey(id, { attempt: 1, first: 0, last: 2 });
    const { body } = await harness.cloud.output.get(key);
    await harness.cloud.output.put(
      key,
      Buffer.from(Buffer.from(body).toString().replaceAll('"label":"', '"label":"not ')),
    );
    const again = await submit(labels(0, 3));
    expect(await work()).toBe(3);
    expect(gist(await outcomesOf(again))).toEqual(['0', '1', '2']);
  });

  it('is ignored where it is damaged, and the image is classified', async () => {
    await label(labels(0, 3));
    using db = new DatabaseSync(path.join(harness.folder, 'test', 'cloud.db'));
    db.exec(
      "UPDATE recent_shards SET lines = replace(lines, ':', ':77'); UPDATE known_shards SET key = 'jobs/none'",
    );
    const again = await submit(labels(0, 3));
    expect(await work()).toBe(3);
    expect(gist(await outcomesOf(again))).toEqual(['0', '1', '2']);
  });

  it('holds for submitters at the same time: each job has each outcome once', async () => {
    await label(labels(0, 64));
    const clouds = [0, 1, 2].map(() => createLocalCloud({ dataDir: harness.folder, cluster: 'test' }));
    const submitted = await Promise.all(clouds.map((cloud) => submit(labels(0, 64), { cloud })));
    for (const job of submitted) expect((await outcomesOf(job)).filter(isKnown)).toHaveLength(64);
    await Promise.all(clouds.map((cloud) => cloud.close()));
    expect(rows('recent_shards, json_each(lines)')).toBe(4 * 64);
  });
});

const jobs = async () =>
  (await Array.fromAsync(harness.cloud.output.listFolders('jobs/'))).map((id) => ({ id }));

function rows(table: string): number {
  using db = new DatabaseSync(path.join(harness.folder, 'test', 'cloud.db'), { readOnly: true });
  return Number(db.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.count);
}
