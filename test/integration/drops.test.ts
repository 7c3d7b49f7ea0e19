/** Images that are dropped into the input bucket, from S3's notification to what the commands make of them. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import type { Cloud } from '../../src/core/cloud/ports.ts';
import type { Chore } from '../../src/core/fleet/chore.ts';
import { createJob, readJob } from '../../src/core/job/job-record.ts';
import { activeKey, DROP_PREFIX, jobKey } from '../../src/core/job/keys.ts';
import { isError, type Outcome } from '../../src/core/model/outcome.ts';
import { ImgclsError, JobMissingError } from '../../src/core/runtime/errors.ts';
import { readDeadLetters } from '../../src/results/dead-letter-records.ts';
import { drainDeadLetters } from '../../src/results/dead-letters.ts';
import { oldJobs } from '../../src/results/expire.ts';
import { requireJob } from '../../src/results/job-facts.ts';
import { JobFollower } from '../../src/results/job-follower.ts';
import { listJobIds, readJobs } from '../../src/results/job-list.ts';
import { readOutcomes } from '../../src/results/ledger.ts';
import { removeJob } from '../../src/results/remove-job.ts';
import { settleJobs } from '../../src/results/settle-jobs.ts';
import { droppedEvent, notificationOf, TEST_EVENT } from '../contract/notifications.ts';
import { until } from '../contract/until.ts';
import { gist, Harness, MODEL, override } from './worker-harness.ts';

const DAY = 'drop-2026-11-26';
const never = new AbortController().signal;

let harness: Harness;
let cloud: Cloud;
beforeEach(async () => {
  harness = await Harness.make();
  cloud = harness.cloud;
});
afterEach(() => harness.release());

/** Stores a text as an image below `drop/`; answers what S3 would tell of it. */
async function drop(name: string, text: string, eventTime = '2026-11-26T07:31:02.123Z'): Promise<string> {
  const { etag: eTag } = await cloud.input.put(`${DROP_PREFIX}${name}`, Buffer.from(text, 'latin1'));
  const key = `${DROP_PREFIX}${encodeURIComponent(name).replaceAll('%20', '+')}`;
  const event = droppedEvent({ bucket: cloud.input.bucket, key, eTag, sequencer: eTag, eventTime });
  return notificationOf(event);
}

const send = (...bodies: string[]) => harness.requests.send(bodies.map((body) => ({ body })));
const work = (options: Parameters<Harness['work']>[0] = {}) =>
  harness.work({ likelyModel: MODEL, ...options });
const outcomes = (day = DAY): Promise<Outcome[]> => Array.fromAsync(readOutcomes(cloud.output, day));
const classified = async () => (await harness.runnerLines()).filter((line) => line.startsWith('image '));
const deedsOf = async (chore: Chore): Promise<string[]> => {
  const deeds: string[] = [];
  await chore.run(never, ({ text }) => deeds.push(text));
  return deeds;
};
const drain = () => deedsOf(drainDeadLetters(cloud, systemClock));

describe('a dropped image', () => {
  it('is classified without a submitter, with the model of the worker, and listed by its time', async () => {
    const late = await drop('b.jpg', 'label:late', '2026-11-26T18:00:00.000Z');
    await send(
      late,
      await drop('a/my cat.jpg', 'label:early'),
      await drop('c', 'label:next', '2026-11-27T00:00:00.000Z'),
    );
    expect(await work({ topK: 3 })).toMatchObject({ imagesDone: 3 });
    const found = await outcomes();
    expect(found.map(({ name }) => name)).toEqual(['a/my cat.jpg', 'b.jpg']);
    expect(gist(found)).toEqual(['early', 'late']);
    expect(found[0]).toMatchObject({ model: 'stub/fp32', labels: { length: 3 } });
    expect(gist(await outcomes('drop-2026-11-27'))).toEqual(['next']);
    expect(await harness.requestsLeft()).toBe(0);
  });

  it('has one outcome, though S3 tells of it twice and workers get it twice', async () => {
    const told = await drop('a.jpg', 'label:0');
    await send(told, told);
    await work();
    await send(told);
    const [again] = await harness.requests.receive({ max: 1, waitMs: 0, leaseMs: 60_000 });
    await harness.requests.extend([again?.receipt ?? ''], 0);
    const before = (await classified()).length;
    expect(await work()).toMatchObject({ imagesDone: 0, batchesDone: 1 });
    // What comes again is looked for before it is downloaded.
    expect(await classified()).toHaveLength(before);
    expect(gist(await outcomes())).toEqual(['0']);
  });

  it('has an outcome for each content of its name; of one that was replaced in time, that it changed', async () => {
    const first = await drop('a.jpg', 'label:0');
    await send(first);
    await work();
    const second = await drop('a.jpg', 'label:1', '2026-11-26T07:31:05.000Z');
    const third = await drop('a.jpg', 'label:2', '2026-11-26T07:31:06.000Z');
    await send(second, third);
    await work();
    const found = await outcomes();
    expect(gist(found)).toEqual(['0', 'changed', '2']);
    expect(new Set(found.map(({ name }) => name))).toEqual(new Set(['a.jpg']));
  });

  it('that is bad has its error, and others of its message their labels', async () => {
    const told = [
      await drop('good.jpg', 'label:0'),
      await drop('bad.jpg', 'bad'),
      await drop('big.jpg', 'x'.repeat(1001)),
    ];
    const records = told.flatMap((body) => JSON.parse(body).Records);
    await cloud.input.delete([`${DROP_PREFIX}gone.jpg`]);
    records.push(droppedEvent({ bucket: cloud.input.bucket, key: 'drop/gone.jpg' }));
    await send(notificationOf(...records));
    await work();
    const byName = Object.fromEntries((await outcomes()).map((one) => [one.name, gist([one])[0]]));
    expect(byName).toEqual({
      'good.jpg': '0',
      'bad.jpg': 'not_an_image',
      'big.jpg': 'too_large',
      'gone.jpg': 'missing',
    });
    const [listed] = await Array.fromAsync(readJobs(cloud.output, [DAY], { nowMs: Date.now() }));
    expect(listed).toMatchObject({ id: DAY, state: 'open', done: 4, errors: 3 });
  });

  it('that may not be read has an error, and the worker goes on', async () => {
    const input = override(cloud.input, {
      async getStream() {
        throw new ImgclsError('permanent', 'Access is denied.');
      },
    });
    await send(await drop('locked.jpg', 'label:0'));
    await work({ cloud: { ...cloud, input, bucket: () => input } });
    expect(gist(await outcomes())).toEqual(['unreadable']);
  });

  it('has an error where the worker knows no model', async () => {
    await send(await drop('a.jpg', 'label:0'));
    await harness.work();
    const [outcome] = await outcomes();
    expect(outcome).toMatchObject({
      error: { code: 'model_unavailable', message: expect.stringMatching(/IMGCLS_MODEL/) },
    });
  });

  it('stays in the queue while the ledger cannot be written, and is done once it can', async () => {
    let failures = 0;
    const output = override(cloud.output, {
      async put(key, body, options) {
        if (key.includes('/results/') && failures++ < 6)
          throw new ImgclsError('transient', 'The store is down.');
        return await cloud.output.put(key, body, options);
      },
    });
    await send(await drop('a.jpg', 'label:0'));
    await work({ cloud: { ...cloud, output }, random: () => 0 });
    expect(failures).toBeGreaterThan(6);
    expect(gist(await outcomes())).toEqual(['0']);
  });
});

describe('what else S3 says', () => {
  it('is acknowledged where nobody wants it: its test, what left, what submitters store', async () => {
    const { bucket } = cloud.input;
    await send(
      TEST_EVENT,
      notificationOf(droppedEvent({ bucket, eventName: 'ObjectRemoved:Delete' })),
      notificationOf(droppedEvent({ bucket, key: 'images/ab/abcd' })),
    );
    const said: object[] = [];
    const log = { debug() {}, info: (fields: object) => void said.push(fields), warn() {}, error() {} };
    expect(await work({ log })).toMatchObject({ imagesDone: 0, batchesDone: 0 });
    expect(await harness.requestsLeft()).toBe(0);
    expect(await harness.deadLetters.depth()).toMatchObject({ waiting: 0 });
    expect(said).toContainEqual(
      expect.objectContaining({ unwanted: ['ObjectCreated:Put of images/ab/abcd'] }),
    );
  });

  it('is a dead letter where it is forged: nothing is read elsewhere', async () => {
    await cloud.output.put('drop/secret.jpg', Buffer.from('label:secret'));
    await cloud.output.put('models/secret', Buffer.from('label:secret'));
    const forged = [
      notificationOf(droppedEvent({ bucket: cloud.output.bucket, key: 'drop/secret.jpg' })),
      notificationOf(droppedEvent({ bucket: cloud.output.bucket, key: 'models/secret' })),
      '{"Records":"all of them"}',
    ];
    await send(...forged);
    expect(await work()).toMatchObject({ imagesDone: 0 });
    expect(await classified()).toEqual([]);
    expect((await drain()).filter((deed) => deed.endsWith('it could not be read.'))).toHaveLength(3);
    const letters = await Array.fromAsync(readDeadLetters(cloud.output));
    expect(letters.map((letter) => 'body' in letter && letter.body).toSorted()).toEqual(forged.toSorted());
    expect(await Array.fromAsync(cloud.output.listFolders('jobs/'))).toEqual([harness.job]);
  });

  it('is not taken from the interactive queue', async () => {
    await harness.interactive.send([{ body: await drop('a.jpg', 'label:0') }]);
    const worker = harness.start({ likelyModel: MODEL });
    await until('the message is gone', async () => {
      const { waiting, inFlight } = await harness.interactive.depth();
      return waiting + inFlight === 0 ? true : undefined;
    });
    worker.drain.abort();
    await worker.summary;
    expect(await outcomes()).toEqual([]);
  });
});

describe('a notification that nobody finished', () => {
  it('gives its image an error where it has no outcome, and keeps its letter', async () => {
    const [done, lost] = [await drop('done.jpg', 'label:0'), await drop('lost.jpg', 'label:1')];
    await send(done);
    await work();
    await harness.deadLetters.send([{ body: done }, { body: lost }, { body: TEST_EVENT }]);
    const deeds = await drain();
    expect(deeds).toHaveLength(3);
    expect(deeds.filter((deed) => deed.endsWith('images of it that got an error outcome: 1.'))).toHaveLength(
      1,
    );
    const byName = Object.fromEntries((await outcomes()).map((one) => [one.name, gist([one])[0]]));
    expect(byName).toEqual({ 'done.jpg': '0', 'lost.jpg': 'deadline' });
    const letters = await Array.fromAsync(readDeadLetters(cloud.output));
    expect(letters.map((letter) => 'job' in letter && letter.job)).toContain(DAY);
    const [error] = (await outcomes()).filter(isError);
    expect(error?.error.message).toMatch(/never finished\. The message is kept as dlq\//);
    // A worker that had it all the while comes too late.
    await send(lost);
    expect(await work()).toMatchObject({ imagesDone: 0 });
    expect(await outcomes()).toHaveLength(2);
  });
});

describe('a day of dropped images', () => {
  beforeEach(async () => {
    await send(await drop('a.jpg', 'label:0'), await drop('b.jpg', 'bad'));
    await work();
  });

  it('is listed as open, beside jobs that were submitted, by its day', async () => {
    const older = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
    await createJob(cloud.output, { ...(await readJob(cloud.output, harness.job)), id: older });
    const ids = await listJobIds(cloud.output);
    expect(ids.indexOf(DAY)).toBeLessThan(ids.indexOf(older));
    const jobs = await Array.fromAsync(readJobs(cloud.output, ids, { nowMs: Date.now() }));
    const day = jobs.find(({ id }) => id === DAY);
    expect(day).toMatchObject({ state: 'open', done: 2, errors: 1, createdAtMs: Date.parse('2026-11-26') });
    expect(day).not.toHaveProperty('total');
    expect(day).not.toHaveProperty('model');
  });

  it('is followed like a job, and grows', async () => {
    const follower = new JobFollower({ output: cloud.output, clock: systemClock, id: DAY });
    const first = await follower.look();
    expect(first.job).toMatchObject({ state: 'open', done: 2 });
    expect(first.fresh).toHaveLength(2);
    await send(await drop('c.jpg', 'label:2', '2026-11-26T00:00:01.000Z'));
    await work();
    const second = await follower.look();
    expect(second.fresh).toHaveLength(1);
    expect(second.job.done).toBe(3);
  });

  it('is left alone by the settling of the jobs: it has no record, no marker and no end', async () => {
    expect(await cloud.output.head(jobKey(DAY))).toBeUndefined();
    expect(await cloud.output.head(activeKey(DAY))).toBeUndefined();
    const chore = settleJobs(cloud, systemClock);
    expect(await deedsOf(chore)).toEqual([]);
    expect(await outcomes()).toHaveLength(2);
  });

  it('expires as a whole when it is over for long enough', async () => {
    const DAY_MS = 24 * 3_600_000;
    const expired = async (nowMs: number) =>
      (await Array.fromAsync(oldJobs(cloud.output, { nowMs, maxAgeMs: 7 * DAY_MS })))
        .filter(({ id }) => id === DAY)
        .map(({ kind }) => kind);
    expect(await expired(Date.parse('2026-12-03T23:59:59Z'))).toEqual([]);
    expect(await expired(Date.parse('2026-12-04T00:00:00Z'))).toEqual(['expired']);
  });

  it('can be deleted, and begins anew with the next image', async () => {
    await removeJob(cloud.output, DAY);
    await expect(requireJob(cloud, DAY)).rejects.toThrow(JobMissingError);
    await send(await drop('c.jpg', 'label:2'));
    await work();
    expect(await requireJob(cloud, DAY)).toMatchObject({ id: DAY, state: 'open' });
    expect(gist(await outcomes())).toEqual(['2']);
  });
});
