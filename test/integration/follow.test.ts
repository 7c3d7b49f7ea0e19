import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Cloud, Queue, ReceivedMessage } from '../../src/core/cloud/ports.ts';
import { batchEnd } from '../../src/core/job/batches.ts';
import { jobRecord } from '../../src/core/job/job.ts';
import { createJob } from '../../src/core/job/job-record.ts';
import { ResponseAddress, responseFor } from '../../src/core/job/responses.ts';
import { writeShard } from '../../src/core/job/shard.ts';
import type { Outcome } from '../../src/core/model/outcome.ts';
import { createLocalCloud } from '../../src/local/cloud.ts';
import { type FollowProgress, follow } from '../../src/results/follow.ts';
import { virtualClock } from '../unit/virtual-clock.ts';
import { MODEL } from './worker-harness.ts';

const IMAGES = 640;
const job = ulid();
let folder: string;
let cloud: Cloud;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'imgcls-follow-'));
  cloud = createLocalCloud({ dataDir: folder, cluster: 'test' });
  const record = {
    v: 1,
    id: job,
    state: 'sealed',
    createdAtMs: 0,
    inputs: [],
    include: [],
    exclude: [],
    topK: 1,
  };
  await createJob(cloud.output, jobRecord.parse({ ...record, model: MODEL, total: IMAGES }));
});
afterEach(async () => {
  await cloud.close();
  await rm(folder, { recursive: true });
});

const outcomeOf = (index: number): Outcome => ({
  v: 1,
  index,
  name: `${index}.jpg`,
  error: { code: 'not_an_image', message: 'No.' },
});

async function writeLedger() {
  const shards = [];
  for (let first = 0; first < IMAGES; first = batchEnd(first)) {
    const last = Math.min(batchEnd(first), IMAGES) - 1;
    const outcomes = Array.from({ length: last - first + 1 }, (_, at) => outcomeOf(first + at));
    shards.push(
      (await writeShard(cloud.output, job, { range: { attempt: 1, first, last }, outcomes })).shard,
    );
  }
  return shards;
}

/** A queue whose waiter gets one response a second. */
function oneASecond(bodies: string[]) {
  const clock = virtualClock();
  let receives = 0;
  const queue = {
    async receive({ waitMs }: { waitMs: number }): Promise<Pick<ReceivedMessage, 'body' | 'receipt'>[]> {
      receives++;
      const body = bodies.shift();
      clock.advance(body === undefined ? waitMs : 1000);
      return body === undefined ? [] : [{ body, receipt: String(receives) }];
    },
    delete: async () => [],
  } as unknown as Queue;
  return { clock, queue, receives: () => receives };
}

/** The cloud, and the listings of its output bucket. */
function counted() {
  let lists = 0;
  const output = new Proxy(cloud.output, {
    get(store, name) {
      if (name === 'list') lists++;
      const found = store[name as keyof typeof store];
      return typeof found === 'function' ? found.bind(store) : found;
    },
  });
  return { cloud: { ...cloud, output }, lists: () => lists };
}

describe('the waiter of a job with more batches than it gets responses', () => {
  it('shows progress and gets every outcome once, in order, while responses still arrive', async () => {
    const address = new ResponseAddress('responses', 20);
    const shards: string[] = [];
    const { clock, queue, receives } = oneASecond(shards);
    const progress: FollowProgress[] = [];
    const { signal } = new AbortController();
    const options = { cloud, jobId: job, responses: queue, exhausted: address.exhausted, clock, signal };
    const following = follow({ ...options, onProgress: (seen) => progress.push({ ...seen }) });
    const first = following.next();
    // The ledger is written after the waiter has looked at it for the first time.
    const ledger = await writeLedger();
    for (const shard of ledger) {
      if (address.take().replyTo !== undefined)
        shards.push(responseFor({ job }, 'w', { range: shard.range }));
    }
    expect(shards.length, 'told').toBe(20);
    expect(shards.length, 'not all').toBeLessThan(ledger.length);
    const found = [(await first).value as Outcome, ...(await Array.fromAsync(following))];
    expect(found.map(({ index }) => index)).toEqual(Array.from({ length: IMAGES }, (_, index) => index));
    expect(progress.at(-1)).toMatchObject({ done: IMAGES, errors: IMAGES });
    expect(receives(), 'it lists after five seconds, and does not wait for all responses').toBeLessThan(20);
  });

  it('lists no more than a waiter of a small job while each batch has a response', async () => {
    const address = new ResponseAddress('responses');
    const bodies: string[] = [];
    const { clock, queue } = oneASecond(bodies);
    const { cloud: observed, lists } = counted();
    const following = follow({
      cloud: observed,
      jobId: job,
      responses: queue,
      exhausted: address.exhausted,
      clock,
    });
    const first = following.next();
    for (const { range } of await writeLedger()) {
      address.take();
      bodies.push(responseFor({ job }, 'w', { range }));
    }
    await first;
    const before = lists();
    await Array.fromAsync(following);
    expect(bodies).toEqual([]);
    expect(lists()).toBe(before);
  });
});
