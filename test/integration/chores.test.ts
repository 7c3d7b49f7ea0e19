import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import type { Cloud, ReceivedMessage } from '../../src/core/cloud/ports.ts';
import type { Chore, ChoreResult } from '../../src/core/fleet/chore.ts';
import { MAX_BATCH } from '../../src/core/job/batches.ts';
import { deadLetter } from '../../src/core/job/dead-letter.ts';
import { finishJob, readJob, sealJob } from '../../src/core/job/job-record.ts';
import {
  ACTIVE_PREFIX,
  activeKey,
  deadLetterKey,
  manifestPartKey,
  requestQueueName,
  responseQueueName,
  shardKey,
  workerStatusKey,
} from '../../src/core/job/keys.ts';
import { REQUEST_FORMAT } from '../../src/core/job/messages.ts';
import { formatShard, listShards } from '../../src/core/job/shard.ts';
import { isError, type Outcome } from '../../src/core/model/outcome.ts';
import type { Clock } from '../../src/core/runtime/clock.ts';
import { parseVersioned } from '../../src/core/runtime/versioned.ts';
import { drainDeadLetters } from '../../src/results/dead-letters.ts';
import { follow } from '../../src/results/follow.ts';
import { readOutcomes } from '../../src/results/ledger.ts';
import { settleJobs } from '../../src/results/settle-jobs.ts';
import { sweepResponseQueues, sweepStatuses } from '../../src/results/sweep.ts';
import type { Input } from '../../src/upload/inputs.ts';
import { NOTHING_ANNOUNCED, uploadImages } from '../../src/upload/submit.ts';
import { CLUSTER, makeClouds, type TestClouds } from '../contract/local-cloud.ts';
import { markAsBegun } from '../contract/mark-begun.ts';
import { virtualClock } from '../unit/virtual-clock.ts';
import { gist, Harness, labels } from './worker-harness.ts';

/** Of a later imgcls. */
const NEWER = JSON.stringify({ v: REQUEST_FORMAT + 1 });

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const never = new AbortController().signal;

let harness: Harness;
let cloud: Cloud;
beforeEach(async () => {
  harness = await Harness.make();
  cloud = harness.cloud;
});
afterEach(() => harness.release());

const outcomes = (): Promise<Outcome[]> => Array.fromAsync(readOutcomes(cloud.output, harness.job));
/** What the chore says it has done. */
async function run(chore: Chore): Promise<ChoreResult[]> {
  const deeds: ChoreResult[] = [];
  await chore.run(never, (deed) => deeds.push(deed));
  return deeds;
}
const words = async (chore: Chore): Promise<string[]> => (await run(chore)).map(({ text }) => text);
const drain = (): Promise<string[]> => words(drainDeadLetters(cloud, systemClock));
const kept = (what: string) => expect.stringMatching(new RegExp(`^Recorded dead letter \\S+\\.${what}$`));

/** Receives messages and gives them back, as a worker that drains. @returns their texts. */
async function giveBack(): Promise<string[]> {
  const messages = await harness.requests.receive({ max: 10, waitMs: 0, leaseMs: MINUTE_MS });
  await harness.requests.extend(
    messages.map(({ receipt }) => receipt),
    0,
  );
  return messages.map(({ body }) => body);
}

async function giveBackUntilDead(): Promise<void> {
  while ((await giveBack()).length > 0);
}

/** Takes the next message from the request queue as often as it comes: workers that die one after the other. */
async function deliverUntilDead(): Promise<void> {
  for (const body of await giveBack()) await markAsBegun(cloud, body);
  await giveBackUntilDead();
}

/** Writes what workers would have for these images. */
async function answer(from: number, to: number, attempt = 1): Promise<void> {
  for (let first = from; first <= to; first += MAX_BATCH)
    await answerBatch(first, Math.min(to, first + MAX_BATCH - 1), attempt);
}

async function answerBatch(first: number, last: number, attempt: number): Promise<void> {
  const found = Array.from({ length: last - first + 1 }, (_, place): Outcome => {
    const index = first + place;
    const label = { wnid: 'n0', label: `label ${index}`, score: 1 };
    return { v: 1, index, name: `${index}.jpg`, labels: [label], ms: 1, model: 'stub' };
  });
  await cloud.output.put(shardKey(harness.job, { attempt, first, last }), formatShard(found));
}

describe('the dead-letter drain', () => {
  it('writes an error for the images of a batch that crashed every worker, and their waiter gets it', async () => {
    await harness.submit(labels(0, 2));
    await sealJob(cloud.output, harness.job, 2);
    await deliverUntilDead();
    expect(await drain()).toEqual([kept(' 2 images got an error outcome\\.')]);

    const seen = await Array.fromAsync(
      follow({
        cloud,
        jobId: harness.job,
        responses: cloud.queues.open(harness.replyTo),
        clock: systemClock,
      }),
    );
    expect(gist(seen)).toEqual(['deadline', 'deadline']);
    expect(seen.map(({ name }) => name)).toEqual(['0.jpg', '1.jpg']);
    expect(await readJob(cloud.output, harness.job)).toMatchObject({ state: 'finished' });
    expect(await drain()).toEqual([]);
  });

  it('keeps a record of each dead letter', async () => {
    await harness.submit(labels(0, 1));
    const [message] = await harness.requests.receive({ max: 1, waitMs: 1000, leaseMs: MINUTE_MS });
    await harness.requests.extend([message?.receipt ?? ''], 0);
    await deliverUntilDead();
    await drain();
    const { body } = await cloud.output.get(deadLetterKey(message?.id ?? ''));
    const letter = parseVersioned(deadLetter, new TextDecoder().decode(body), 'dead letter');
    expect(letter).toMatchObject({ messageId: message?.id, body: message?.body, job: harness.job });
    expect(letter.why).toMatch(/never finished/);
    const [outcome] = await outcomes();
    expect(outcome).toMatchObject({
      error: { message: expect.stringContaining(deadLetterKey(letter.messageId)) },
    });
  });

  it('does not change the outcomes of other images, of any attempt', async () => {
    await harness.submit(labels(0, 6));
    await deliverUntilDead();
    await answer(1, 2);
    await answer(4, 4, 2);
    await drain();
    expect(gist(await outcomes())).toEqual([
      'deadline',
      'label 1',
      'label 2',
      'deadline',
      'label 4',
      'deadline',
    ]);
  });

  it('finds the outcomes of a batch amid a long ledger of several attempts', async () => {
    await harness.submit(labels(100, 4), 100);
    await deliverUntilDead();
    await answer(0, 15);
    await answer(90, 100);
    await answer(104, 119);
    await answer(0, 0, 2);
    await answer(102, 102, 7);
    expect(await drain()).toEqual([kept(' 2 images got an error outcome\\.')]);
    const batch = (await outcomes()).filter(({ index }) => index >= 100 && index < 104);
    expect(gist(batch)).toEqual(['label 100', 'deadline', 'label 102', 'deadline']);
  });

  it('keeps the error that an image had at its submission', async () => {
    const [good] = await harness.store(labels(0, 1));
    const error = { code: 'unreadable' as const, message: 'No permission.' };
    await harness.announce([...(good === undefined ? [] : [good]), { index: 1, name: '1.jpg', error }]);
    await deliverUntilDead();
    await drain();
    expect(gist(await outcomes())).toEqual(['deadline', 'unreadable']);
  });

  it('writes each outcome once, although two drains run and a letter arrives twice', async () => {
    const images = await harness.store(labels(0, 40));
    for (let first = 0; first < 40; first += 10) {
      await harness.announce(images.slice(first, first + 10));
      await harness.announce(images.slice(first, first + 10));
    }
    await deliverUntilDead();
    await Promise.all([drain(), drain()]);
    const shards = await Array.fromAsync(listShards(cloud.output, harness.job, { attempt: 1 }));
    expect(shards.map(({ first, last }) => [first, last])).toEqual([
      [0, 9],
      [10, 19],
      [20, 29],
      [30, 39],
    ]);
    expect(await harness.deadLetters.depth()).toEqual({ waiting: 0, inFlight: 0, delayed: 0 });
  });

  it('finishes a job whose waiter has ended with its queue', async () => {
    await harness.submit(labels(0, 1));
    await cloud.queues.remove(harness.replyTo);
    await deliverUntilDead();
    await drain();
    expect(gist(await outcomes())).toEqual(['deadline']);
  });

  it('keeps invalid messages and those of a newer imgcls, and reports that they could not be read', async () => {
    await harness.deadLetters.send([{ body: 'hello' }, { body: NEWER, groupId: harness.job }]);
    expect(await drain()).toEqual([kept(' It could not be read\\.'), kept(' It could not be read\\.')]);
    expect(await harness.deadLetters.depth()).toEqual({ waiting: 0, inFlight: 0, delayed: 0 });
    const objects = await Array.fromAsync(cloud.output.list('dlq/'));
    const letters = await Promise.all(
      objects.map(async ({ key }) =>
        JSON.parse(new TextDecoder().decode((await cloud.output.get(key)).body)),
      ),
    );
    expect(letters.map(({ body, job }) => [body, job])).toEqual([
      ['hello', undefined],
      [NEWER, harness.job],
    ]);
  });

  it('adds nothing to a job that is over, and keeps nothing of one that was deleted', async () => {
    await harness.submit(labels(0, 1));
    await harness.announce(await harness.store(labels(0, 1)), { job: '01ARZ3NDEKTSV4RRFFQ69G5FAV' });
    await deliverUntilDead();
    await sealJob(cloud.output, harness.job, 1);
    await finishJob(cloud.output, await readJob(cloud.output, harness.job), 0);
    const deleted = expect.stringMatching(/^Deleted dead letter \S+: Its job was deleted\.$/);
    expect(await drain()).toEqual([kept(''), deleted]);
    expect(await Array.fromAsync(cloud.output.list('dlq/'))).toHaveLength(1);
    expect(await outcomes()).toEqual([]);
  });

  it('is run by a waiter without a response for a minute', async () => {
    await harness.submit(labels(0, 1));
    await sealJob(cloud.output, harness.job, 1);
    await deliverUntilDead();
    const clock = virtualClock();
    const startMs = clock.monotonicMs();
    const waiting = follow({ cloud, jobId: harness.job, clock });
    expect(gist(await Array.fromAsync(waiting))).toEqual(['deadline']);
    expect(clock.monotonicMs() - startMs).toBeGreaterThanOrEqual(MINUTE_MS);
  });
});

describe('the job settling', () => {
  /** A chore whose minutes pass when the test says so. */
  function settling(restingListEveryMs = 0) {
    const clock = virtualClock(Date.now());
    const chore = settleJobs(cloud, clock, { restingListEveryMs });
    return {
      look: () => words(chore),
      async lookFor(minutes: number): Promise<string[]> {
        const said: string[] = [];
        for (let minute = 0; minute < minutes; minute++) {
          clock.advance(MINUTE_MS);
          said.push(...(await words(chore)));
        }
        return said;
      },
    };
  }

  /** Submits images without a waiter. */
  async function submitAll(texts: readonly string[]): Promise<void> {
    const inputs = texts.map((text, place): Input => {
      const name = `${place}.jpg`;
      return { kind: 'bytes', name, source: name, bytes: Buffer.from(text, 'latin1') };
    });
    const job = await readJob(cloud.output, harness.job);
    const source = (async function* () {
      yield* inputs;
    })();
    await uploadImages(source, {
      cloud,
      job,
      before: NOTHING_ANNOUNCED,
      concurrency: 4,
      maxImageBytes: 1000,
      clock: systemClock,
      random: Math.random,
    });
  }

  async function takeAll(): Promise<ReceivedMessage[]> {
    const taken: ReceivedMessage[] = [];
    for (;;) {
      const messages = await harness.requests.receive({ max: 10, waitMs: 0, leaseMs: MINUTE_MS });
      if (messages.length === 0) return taken;
      taken.push(...messages);
    }
  }

  async function loseAll(): Promise<void> {
    await harness.requests.delete((await takeAll()).map(({ receipt }) => receipt));
  }

  const state = async () => (await readJob(cloud.output, harness.job)).state;

  it('finishes a job without a waiter', async () => {
    await submitAll(labels(0, 20));
    const { look } = settling();
    await harness.work();
    expect(await look()).toEqual([`Job ${harness.job} is finished. Every image has an outcome.`]);
    expect(await state()).toBe('finished');
    expect(await Array.fromAsync(cloud.output.list(ACTIVE_PREFIX))).toEqual([]);
    expect(await look()).toEqual([]);
  });

  it('lists jobs less often while there was none, and at once after messages were seen', async () => {
    const { look, lookFor } = settling(3 * MINUTE_MS);
    const marker = activeKey(harness.job);
    await cloud.output.delete([marker]);
    await look();
    await submitAll(labels(0, 20));
    await cloud.output.put(marker, new Uint8Array());
    await look();
    await harness.work();
    expect(await look()).toEqual([`Job ${harness.job} is finished. Every image has an outcome.`]);
    await look();
    await cloud.output.put(marker, new Uint8Array());
    expect(await lookFor(2), 'nothing has told of it').toEqual([]);
    expect(await lookFor(1)).toEqual([
      `Deleted the active marker of job ${harness.job}: the job is finished.`,
    ]);
  });

  it('finishes a job without a waiter while other jobs keep the queue busy', async () => {
    await sealJob(cloud.output, harness.job, 2);
    await harness.submit(labels(0, 2));
    const { look, lookFor } = settling();
    await look();
    await answer(0, 1);
    expect(await lookFor(5)).toEqual([`Job ${harness.job} is finished. Every image has an outcome.`]);
  });

  it('sends lost requests again after five minutes, for a worker to finish', async () => {
    await submitAll(labels(0, 100));
    await loseAll();
    await answer(0, 9);
    await answer(40, 70);
    const { look, lookFor } = settling();
    await look();
    expect(await lookFor(4)).toEqual([]);
    expect(await harness.requestsLeft()).toBe(0);
    expect(await lookFor(1)).toEqual([`Sent the lost requests of 59 images of job ${harness.job} again.`]);
    const summary = await harness.work();
    expect(summary.imagesDone).toBe(59);
    await look();
    expect(await state()).toBe('finished');
    const found = await outcomes();
    expect(found.map(({ index }) => index)).toEqual(Array.from({ length: 100 }, (_, index) => index));
    expect(found.some((outcome) => isError(outcome))).toBe(false);
  });

  it('waits five more minutes before it sends the same requests again', async () => {
    await submitAll(labels(0, 2));
    await loseAll();
    const { look, lookFor } = settling();
    await look();
    expect(await lookFor(5)).toHaveLength(1);
    await loseAll();
    expect(await lookFor(4)).toEqual([]);
    expect(await lookFor(1)).toHaveLength(1);
  });

  it('sends nothing again while a message waits, is in flight, or is a dead letter', async () => {
    await submitAll(labels(0, 2));
    const { look, lookFor } = settling();
    await look();
    expect(await lookFor(10)).toEqual([]);
    const [taken] = await takeAll();
    expect(await lookFor(10)).toEqual([]);
    await harness.requests.delete([taken?.receipt ?? '']);
    await harness.deadLetters.send([{ body: 'hello' }]);
    expect(await lookFor(10)).toEqual([]);
    await drain();
    expect(await lookFor(5)).toEqual([]);
    expect(await lookFor(1)).toHaveLength(1);
  });

  it('starts the five minutes again after the queue could not be read', async () => {
    await submitAll(labels(0, 2));
    await loseAll();
    let isDown = false;
    const open = cloud.queues.open.bind(cloud.queues);
    cloud.queues.open = (name) => {
      if (isDown) throw new Error('The queue service is down.');
      return open(name);
    };
    const { look, lookFor } = settling();
    await look();
    expect(await lookFor(4)).toEqual([]);
    isDown = true;
    await expect(lookFor(1)).rejects.toThrow('down');
    isDown = false;
    expect(await lookFor(5)).toEqual([]);
    expect(await lookFor(1)).toHaveLength(1);
  });

  it('does not touch a job whose inputs are still being read', async () => {
    const { look, lookFor } = settling();
    await look();
    expect(await lookFor(10)).toEqual([]);
    expect(await state()).toBe('open');
  });

  it('deletes the markers of jobs that are over, and those without a record after a day', async () => {
    const neverBegun = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
    await cloud.output.put(activeKey(neverBegun), new Uint8Array());
    await sealJob(cloud.output, harness.job, 1);
    await finishJob(cloud.output, await readJob(cloud.output, harness.job), 0);
    await cloud.output.put(activeKey(harness.job), new Uint8Array());
    const { look } = settling();
    await look();
    const left = await Array.fromAsync(cloud.output.list(ACTIVE_PREFIX), ({ key }) => key);
    expect(left).toEqual([activeKey(neverBegun)]);
    const nextDay: Clock = { ...systemClock, nowMs: () => Date.now() + 25 * HOUR_MS };
    await run(settleJobs(cloud, nextDay));
    expect(await Array.fromAsync(cloud.output.list(ACTIVE_PREFIX))).toEqual([]);
  });

  it('names a job that cannot finish because its manifest lacks images, and settles the others', async () => {
    await submitAll(labels(0, 20));
    await loseAll();
    await cloud.output.delete([manifestPartKey(harness.job, { attempt: 1, part: 1 })]);
    const { look, lookFor } = settling();
    await look();
    await expect(lookFor(5)).rejects.toThrow(`Job ${harness.job} cannot finish: 4 of its images`);
    expect(await harness.requestsLeft()).toBe(1);
  });

  it('reads few parts of a large manifest for a few lost images', async () => {
    await submitAll(labels(0, 3000));
    await loseAll();
    await answer(0, 1500);
    await answer(1502, 2999);
    const read: string[] = [];
    const get = cloud.output.get.bind(cloud.output);
    cloud.output.get = (key, options) => {
      if (key.includes('/manifest/')) read.push(key);
      return get(key, options);
    };
    const { look, lookFor } = settling();
    await look();
    await lookFor(5);
    expect((await takeAll()).map(({ body }) => JSON.parse(body).images)).toMatchObject([[{ index: 1501 }]]);
    expect(read.length).toBeLessThanOrEqual(6);
  });
});

describe('the sweeps', () => {
  let clouds: TestClouds;
  let clock: ReturnType<typeof virtualClock>;
  let swept: Cloud;
  beforeEach(async () => {
    clouds = await makeClouds();
    clock = virtualClock(Date.now());
    swept = clouds.open({ clock });
  });
  afterEach(() => clouds.release());

  const queues = (): Promise<string[]> => Array.fromAsync(swept.queues.list(''), ({ name }) => name);

  it('remove response queues after a day, and no younger ones', async () => {
    const chore = sweepResponseQueues(swept, clock);
    await swept.queues.create(responseQueueName(CLUSTER, 'old'));
    clock.advance(2 * HOUR_MS);
    await swept.queues.create(responseQueueName(CLUSTER, 'young'));
    clock.advance(23 * HOUR_MS);
    expect(await words(chore)).toEqual(['Deleted 1 response queue of waiters that have ended.']);
    expect(await queues()).toEqual([responseQueueName(CLUSTER, 'young')]);
    expect(await words(chore)).toEqual([]);
  });

  it('never delete the queues of a cluster with a similar name', async () => {
    const others = [requestQueueName(`${CLUSTER}-resp-b`), responseQueueName(`${CLUSTER}-resp-b`, 'waiter')];
    for (const name of others) await swept.queues.create(name);
    clock.advance(48 * HOUR_MS);
    expect(await words(sweepResponseQueues(swept, clock))).toEqual([]);
    expect(await queues()).toEqual(others);
  });

  it('remove the status of a worker that was silent for an hour', async () => {
    const chore = sweepStatuses(swept, clock);
    await swept.output.put(workerStatusKey('dead'), Buffer.from('{}'));
    clock.advance(HOUR_MS);
    await swept.output.put(workerStatusKey('alive'), Buffer.from('{}'));
    expect(await words(chore)).toEqual([]);
    clock.advance(1);
    expect(await words(chore)).toEqual(['Deleted the status of 1 worker silent for an hour.']);
    expect(await swept.output.head(workerStatusKey('dead'))).toBeUndefined();
    expect(await swept.output.head(workerStatusKey('alive'))).toBeDefined();
  });
});
