/** Images that are dropped into the input bucket, from S3's notification to the results. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import { FILES_BUCKET } from '../../src/core/cloud/files-in-place.ts';
import type { Cloud } from '../../src/core/cloud/ports.ts';
import type { Chore } from '../../src/core/fleet/chore.ts';
import { createJob, readJob } from '../../src/core/job/job-record.ts';
import { activeKey, DROP_PREFIX, jobKey } from '../../src/core/job/keys.ts';
import { isError, type Outcome } from '../../src/core/model/outcome.ts';
import { ImgclsError, JobMissingError } from '../../src/core/runtime/errors.ts';
import { readDeadLetters } from '../../src/results/dead-letter-records.ts';
import { drainDeadLetters } from '../../src/results/dead-letters.ts';
import { deleteJob } from '../../src/results/delete-job.ts';
import { oldJobs } from '../../src/results/expire.ts';
import { requireJob } from '../../src/results/job-facts.ts';
import { JobFollower } from '../../src/results/job-follower.ts';
import { listJobIds, readJobs } from '../../src/results/job-list.ts';
import { readOutcomes } from '../../src/results/ledger.ts';
import { settleJobs } from '../../src/results/settle-jobs.ts';
import { markAsBegun } from '../contract/mark-begun.ts';
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

/** Stores a text as an image below `drop/`. @returns S3's notification about it. */
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
const resultsOf = async (chore: Chore): Promise<string[]> => {
  const results: string[] = [];
  await chore.run(never, ({ text }) => results.push(text));
  return results;
};
const drain = () => resultsOf(drainDeadLetters(cloud, systemClock));

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

  it('has one outcome, though S3 notifies twice and workers receive it twice', async () => {
    const notification = await drop('a.jpg', 'label:0');
    await send(notification, notification);
    await work();
    await send(notification);
    const [again] = await harness.requests.receive({ max: 1, waitMs: 0, leaseMs: 60_000 });
    await harness.requests.extend([again?.receipt ?? ''], 0);
    const before = (await classified()).length;
    expect(await work()).toMatchObject({ imagesDone: 0, batchesDone: 1 });
    // A redelivered image is looked up in the ledger before it is downloaded.
    expect(await classified()).toHaveLength(before);
    expect(gist(await outcomes())).toEqual(['0']);
  });

  it('has an outcome for each content of its key; content that was replaced before the download gets changed', async () => {
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

  it('that is bad has its error, and the others of its message their labels', async () => {
    const notifications = [
      await drop('good.jpg', 'label:0'),
      await drop('bad.jpg', 'bad'),
      await drop('big.jpg', 'x'.repeat(1001)),
    ];
    const records = notifications.flatMap((body) => JSON.parse(body).Records);
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
    const [listed] = await Array.fromAsync(readJobs(cloud, [DAY], { nowMs: Date.now() }));
    expect(listed).toMatchObject({ id: DAY, state: 'open', done: 4, errors: 3 });
  });

  it('without access has an error, and the worker goes on', async () => {
    const input = override(cloud.input, {
      async getStream() {
        throw new ImgclsError('permanent', 'Access is denied.');
      },
    });
    await send(await drop('locked.jpg', 'label:0'));
    await work({ cloud: { ...cloud, input, bucket: () => input } });
    expect(gist(await outcomes())).toEqual(['unreadable']);
  });

  it('is classified by another worker when one has no model', async () => {
    await send(await drop('a.jpg', 'label:0'));
    await expect(harness.work({ random: () => 0 })).rejects.toThrow('no model for dropped images');
    expect(await outcomes()).toEqual([]);
    await work();
    expect(gist(await outcomes())).toEqual(['0']);
  });

  it('has an error when three workers have no model', async () => {
    await send(await drop('a.jpg', 'label:0'));
    for (const _ of Array(2)) await expect(harness.work({ random: () => 0 })).rejects.toThrow('no model');
    await harness.work();
    const [outcome] = await outcomes();
    expect(outcome).toMatchObject({
      error: { code: 'model_unavailable', message: expect.stringMatching(/3 workers .*IMGCLS_MODEL/) },
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

describe('another notification of S3', () => {
  it('is deleted: the test event, deleted objects, objects of submitters', async () => {
    const { bucket } = cloud.input;
    await send(
      TEST_EVENT,
      notificationOf(droppedEvent({ bucket, eventName: 'ObjectRemoved:Delete' })),
      notificationOf(droppedEvent({ bucket, key: 'images/ab/abcd' })),
    );
    const lines: object[] = [];
    const log = { debug() {}, info: (fields: object) => void lines.push(fields), warn() {}, error() {} };
    expect(await work({ log })).toMatchObject({ imagesDone: 0, batchesDone: 0 });
    expect(await harness.requestsLeft()).toBe(0);
    expect(await harness.deadLetters.depth()).toMatchObject({ waiting: 0 });
    expect(lines).toContainEqual(
      expect.objectContaining({ unwanted: ['ObjectCreated:Put of images/ab/abcd'] }),
    );
  });

  it('becomes a dead letter if it is forged, and no foreign object is read', async () => {
    await cloud.output.put('drop/secret.jpg', Buffer.from('label:secret'));
    await cloud.output.put('models/secret', Buffer.from('label:secret'));
    const forged = [
      notificationOf(droppedEvent({ bucket: cloud.output.bucket, key: 'drop/secret.jpg' })),
      notificationOf(droppedEvent({ bucket: cloud.output.bucket, key: 'models/secret' })),
      notificationOf(droppedEvent({ bucket: FILES_BUCKET, key: '/etc/passwd' })),
      '{"Records":"all of them"}',
    ];
    await send(...forged);
    expect(await work()).toMatchObject({ imagesDone: 0 });
    expect(await classified()).toEqual([]);
    expect((await drain()).filter((text) => text.endsWith('It could not be read.'))).toHaveLength(4);
    const deadLetters = await Array.fromAsync(readDeadLetters(cloud.output));
    expect(deadLetters.map((found) => 'body' in found && found.body).toSorted()).toEqual(forged.toSorted());
    expect(await Array.fromAsync(cloud.output.listFolders('jobs/'))).toEqual([harness.job]);
  });

  it('in the interactive queue is discarded', async () => {
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

describe('a notification that no worker has finished', () => {
  it('gives its image an error if it has no outcome, and is kept as a dead letter', async () => {
    const [done, lost] = [await drop('done.jpg', 'label:0'), await drop('lost.jpg', 'label:1')];
    await send(done);
    await work();
    for (const body of [done, lost]) await markAsBegun(cloud, body);
    await harness.deadLetters.send([{ body: done }, { body: lost }, { body: TEST_EVENT }]);
    const results = await drain();
    expect(results).toHaveLength(3);
    expect(results.filter((text) => text.endsWith('. 1 image got an error outcome.'))).toHaveLength(1);
    const byName = Object.fromEntries((await outcomes()).map((one) => [one.name, gist([one])[0]]));
    expect(byName).toEqual({ 'done.jpg': '0', 'lost.jpg': 'deadline' });
    const deadLetters = await Array.fromAsync(readDeadLetters(cloud.output));
    expect(deadLetters.map((found) => 'job' in found && found.job)).toContain(DAY);
    const [error] = (await outcomes()).filter(isError);
    expect(error?.error.message).toMatch(/never finished\. Its message is kept as dlq\//);
    // A worker that still held the message is too late.
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
    const jobs = await Array.fromAsync(readJobs(cloud, ids, { nowMs: Date.now() }));
    const day = jobs.find(({ id }) => id === DAY);
    expect(day).toMatchObject({ state: 'open', done: 2, errors: 1, createdAtMs: Date.parse('2026-11-26') });
    expect(day).not.toHaveProperty('total');
    expect(day).not.toHaveProperty('model');
  });

  it('is followed like a job while it grows', async () => {
    const follower = new JobFollower({ output: cloud.output, clock: systemClock, id: DAY });
    const first = await follower.poll();
    expect(first.job).toMatchObject({ state: 'open', done: 2 });
    expect(first.fresh).toHaveLength(2);
    await send(await drop('c.jpg', 'label:2', '2026-11-26T00:00:01.000Z'));
    await work();
    const second = await follower.poll();
    expect(second.fresh).toHaveLength(1);
    expect(second.job.done).toBe(3);
  });

  it('is not settled: it has no record, no marker and no end', async () => {
    expect(await cloud.output.head(jobKey(DAY))).toBeUndefined();
    expect(await cloud.output.head(activeKey(DAY))).toBeUndefined();
    const chore = settleJobs(cloud, systemClock);
    expect(await resultsOf(chore)).toEqual([]);
    expect(await outcomes()).toHaveLength(2);
  });

  it('expires as a whole some time after its end', async () => {
    const DAY_MS = 24 * 3_600_000;
    const expired = async (nowMs: number) =>
      (await Array.fromAsync(oldJobs(cloud.output, { nowMs, maxAgeMs: 7 * DAY_MS })))
        .filter(({ id }) => id === DAY)
        .map(({ kind }) => kind);
    expect(await expired(Date.parse('2026-12-03T23:59:59Z'))).toEqual([]);
    expect(await expired(Date.parse('2026-12-04T00:00:00Z'))).toEqual(['expired']);
  });

  it('can be deleted, and starts again with the next image', async () => {
    await deleteJob(cloud, DAY);
    await expect(requireJob(cloud, DAY)).rejects.toThrow(JobMissingError);
    await send(await drop('c.jpg', 'label:2'));
    await work();
    expect(await requireJob(cloud, DAY)).toMatchObject({ id: DAY, state: 'open' });
    expect(gist(await outcomes())).toEqual(['2']);
  });
});
