// How many images per second a waiter can follow, where each request to S3 and SQS takes 10 ms: by responses alone, and by
// listing the ledger. The outcomes are there from the beginning; nothing else runs.
//
//     node benchmarks/waiter.ts [--batches 1000] [--request-ms 10]

import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ulid } from 'ulid';
import { systemClock } from '../src/app/system-clock.ts';
import type { Cloud, Queue, Store } from '../src/core/cloud/ports.ts';
import { batchEnd } from '../src/core/job/batches.ts';
import { jobRecord } from '../src/core/job/job.ts';
import { jobKey, shardKey } from '../src/core/job/keys.ts';
import { ResponseAddress, responseFor } from '../src/core/job/responses.ts';
import { formatShard, type Shard } from '../src/core/job/shard.ts';
import type { Outcome } from '../src/core/model/outcome.ts';
import { follow } from '../src/results/follow.ts';

const { values: flags } = parseArgs({
  options: { batches: { type: 'string', default: '1000' }, 'request-ms': { type: 'string', default: '10' } },
});
const requestMs = Number(flags['request-ms']);
const job = ulid();
const LIST_PAGE = 1000;
const RECEIVED_AT_ONCE = 10;

const shards: Required<Shard>[] = [];
for (let first = 0; shards.length < Number(flags.batches); first = batchEnd(first)) {
  const last = batchEnd(first) - 1;
  const outcomes = Array.from({ length: last - first + 1 }, (_, at) => outcomeOf(first + at));
  shards.push({ range: { attempt: 1, first, last }, outcomes });
}
const images = batchEnd(shards.at(-1)?.range.first ?? 0);

for (const way of ['responses', 'listing'] as const) {
  const address = new ResponseAddress('responses', way === 'responses' ? Number.POSITIVE_INFINITY : 0);
  address.take();
  const startMs = performance.now();
  const cpuBefore = process.cpuUsage();
  const cloud = cloudWith(way === 'responses' ? [] : shards);
  const responses = queueWith(way === 'responses' ? shards : []);
  let count = 0;
  for await (const _ of follow({
    cloud,
    jobId: job,
    clock: systemClock,
    responses,
    exhausted: address.exhausted,
  }))
    count++;
  if (count !== images) throw new Error(`${count} of ${images} images have an outcome.`);
  const seconds = (performance.now() - startMs) / 1000;
  const rate = (amount: number) => Math.round(amount / seconds).toLocaleString('en');
  const { user, system } = process.cpuUsage(cpuBefore);
  const usPerImage = ((user + system) / images).toFixed(1);
  console.log(
    `${way}: ${rate(shards.length)} shards/s, ${rate(images)} images/s, ${usPerImage} us of processor time an image`,
  );
}

function outcomeOf(index: number): Outcome {
  const label = { wnid: 'n02123045', label: 'tabby', score: 0.123456 };
  return {
    v: 1,
    index,
    name: `${index}.jpg`,
    labels: Array(5).fill(label),
    ms: 10,
    model: 'resnet50 1 int8',
  };
}

/** The output bucket with these shards and the job's record. */
function cloudWith(written: readonly Required<Shard>[]): Cloud {
  const record = {
    v: 1,
    id: job,
    state: 'sealed',
    createdAtMs: 0,
    inputs: [],
    include: [],
    exclude: [],
    topK: 5,
  };
  const model = { name: 'resnet50', version: '1', variant: 'int8', sha256: 'ab'.repeat(32) };
  const objects = new Map<string, Uint8Array>([
    [jobKey(job), Buffer.from(JSON.stringify(jobRecord.parse({ ...record, model, total: images })))],
    ...written.map((shard): [string, Uint8Array] => [
      shardKey(job, shard.range),
      formatShard(shard.outcomes),
    ]),
  ]);
  const keys = [...objects.keys()].sort();
  const infoOf = (body: Uint8Array) => ({ etag: '"a"', bytes: body.byteLength, modifiedAtMs: 0 });
  const output: Partial<Store> = {
    async get(key) {
      await sleep(requestMs);
      const body = objects.get(key) ?? Buffer.alloc(0);
      return { info: infoOf(body), body };
    },
    async *list(prefix, { startAfter = '' } = {}) {
      const found = keys.filter((key) => key.startsWith(prefix) && key > startAfter);
      for (const [at, key] of found.entries()) {
        if (at % LIST_PAGE === 0) await sleep(requestMs);
        yield { key, ...infoOf(objects.get(key) ?? Buffer.alloc(0)) };
      }
    },
    async put(_key, body) {
      return infoOf(body as Uint8Array);
    },
    async delete() {},
  };
  const queues = { open: () => queueWith([]) } as unknown as Cloud['queues'];
  return { output: output as Store, queues } as Cloud;
}

/** A queue with a response to each shard. */
function queueWith(told: readonly Required<Shard>[]): Queue {
  const bodies = told.map((shard) => responseFor({ job }, 'worker', shard));
  const queue: Partial<Queue> = {
    async receive() {
      await sleep(requestMs);
      const received = bodies.splice(0, RECEIVED_AT_ONCE);
      return received.map((body, at) => ({
        id: String(at),
        receipt: String(at),
        body,
        groupId: job,
        receiveCount: 1,
        sentAtMs: 0,
        waitedMs: 0,
      }));
    },
    async delete() {
      await sleep(requestMs);
      return [];
    },
  };
  return queue as Queue;
}
