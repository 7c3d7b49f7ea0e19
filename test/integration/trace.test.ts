/** What log, messages, letters and figures say of a job: whose trace it is part of, from its submitter to its outcomes. */
import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import { createJobClient } from '../../src/client/client.ts';
import { deadLetter } from '../../src/core/job/dead-letter.ts';
import { parseRequest } from '../../src/core/job/messages.ts';
import { traceOf } from '../../src/core/job/trace.ts';
import { isError } from '../../src/core/model/outcome.ts';
import { EmfMeter } from '../../src/core/runtime/emf.ts';
import type { Log } from '../../src/core/runtime/log.ts';
import { drainDeadLetters } from '../../src/results/dead-letters.ts';
import type { Input } from '../../src/upload/inputs.ts';
import { markAsBegun } from '../contract/mark-begun.ts';
import { type EmbeddedMetrics, embeddedMetrics, valuesOf } from '../unit/core/embedded-metric-format.ts';
import { Harness, labels, MODEL } from './worker-harness.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

interface Line {
  text: string;
  job?: string;
  trace?: string;
  message?: string;
  attempt?: number;
  written?: number;
}

let harness: Harness;
let lines: Line[];
let figures: EmbeddedMetrics[];
beforeEach(async () => {
  harness = await Harness.make();
  lines = [];
  figures = [];
});
afterEach(() => harness.release());

const write = (fields: object, text: string) => void lines.push({ ...fields, text });
const log: Log = { debug: write, info: write, warn: write, error: write };
const linesOf = (text: string) => lines.filter((line) => line.text.startsWith(text));
const meter = () =>
  new EmfMeter({
    cluster: 'test',
    properties: {},
    nowMs: systemClock.nowMs,
    write: (line) => void figures.push(embeddedMetrics.parse(JSON.parse(line))),
  });
const work = () => harness.work({ log, meter: meter() });

const client = () =>
  createJobClient({
    cloud: harness.cloud,
    clock: systemClock,
    random: Math.random,
    newId: ulid,
    readBucket: (name) => harness.cloud.bucket(name),
    joinController: () => ({ failed: new AbortController().signal, leave: async () => {} }),
    concurrency: 4,
    maxImageBytes: 1000,
    packBelowBytes: 0,
  });

async function submit(texts: readonly string[], given: { trace?: string } = {}) {
  async function* inputs(): AsyncGenerator<Input> {
    for (const [place, text] of texts.entries()) {
      const name = `${place}.jpg`;
      yield { kind: 'bytes', name, source: name, bytes: Buffer.from(text, 'latin1') };
    }
  }
  const job = await client().submit(inputs(), { ...given, model: MODEL, topK: 1, wait: false });
  await job.submitted;
  return job;
}

/** What is in the request queue now. */
async function announced() {
  const messages = await harness.requests.receive({ max: 10, waitMs: 1000, leaseMs: 60_000 });
  await harness.requests.extend(
    messages.map(({ receipt }) => receipt),
    0,
  );
  return messages.map(({ body }) => parseRequest(body));
}

describe('the trace of a job', () => {
  it('is in every log line about it, of every attempt', async () => {
    const job = await submit([...labels(0, 17), 'bad', 'crash', ...labels(19, 2)], { trace: TRACE });
    await work();
    const outcomes = await Array.fromAsync(job.outcomes());
    expect(outcomes.filter(isError).map(({ index }) => index)).toEqual([17, 18]);
    const about = lines.filter(({ job, message }) => job !== undefined || message !== undefined);
    expect(about.filter((line) => line.job !== job.id || line.trace !== TRACE)).toEqual([]);
    const answered = linesOf('Batch completed.');
    expect(answered.reduce((sum, { written = 0 }) => sum + written, 0)).toBe(21);
    expect(linesOf('Model runner ended unexpectedly.')).not.toEqual([]);

    lines = [];
    const again = await client().retry(job.id, { wait: false });
    await again?.submitted;
    expect((await announced()).map(({ attempt, trace }) => [attempt, trace])).toEqual([[2, TRACE]]);
    await work();
    expect(linesOf('Batch completed.')).toMatchObject([
      { job: job.id, trace: TRACE, attempt: 2, written: 2 },
    ]);
  });

  it('is created with the job if its submitter has none', async () => {
    const job = await submit(labels(0, 1));
    const trace = traceOf({ job: job.id });
    expect(await job.record()).toMatchObject({ trace });
    await work();
    expect(linesOf('Batch completed.')).toMatchObject([{ job: job.id, trace }]);
  });

  it('must be valid: otherwise no job is created', async () => {
    await expect(submit(labels(0, 1), { trace: 'mine' })).rejects.toThrow('"mine" is not a trace id');
    expect(await announced()).toEqual([]);
  });

  it('is in the response to its waiter', async () => {
    await harness.announce(await harness.store(labels(0, 1)), { trace: TRACE });
    await work();
    expect(await harness.responses()).toMatchObject([{ job: harness.job, trace: TRACE }]);
  });

  it('is that of a single image, too', async () => {
    const asking = client();
    const worker = harness.start({ log });
    const image = { name: '', bytes: Buffer.from('label:cat') };
    await asking.classify(image, { model: MODEL, topK: 1, trace: TRACE, timeoutMs: 10_000 });
    await asking.close();
    worker.drain.abort();
    await worker.summary;
    expect(linesOf('Batch completed.')).toMatchObject([{ trace: TRACE, written: 1 }]);
  });

  it('is in its dead letters and in the log lines about them', async () => {
    await harness.announce(await harness.store(labels(0, 1)), { trace: TRACE });
    const [{ body = '', groupId } = {}] = await harness.requests.receive({
      max: 1,
      waitMs: 1000,
      leaseMs: 60_000,
    });
    await markAsBegun(harness.cloud, body);
    await harness.deadLetters.send([{ body, groupId: groupId ?? '' }]);
    const deeds: object[] = [];
    const chore = drainDeadLetters(harness.cloud, systemClock);
    await chore.run(new AbortController().signal, (deed) => deeds.push(deed));
    expect(deeds).toMatchObject([{ job: harness.job, trace: TRACE }]);
    const [letter] = await Array.fromAsync(harness.cloud.output.list('dlq/'));
    const { body: kept } = await harness.cloud.output.get(letter?.key ?? '');
    expect(deadLetter.parse(JSON.parse(new TextDecoder().decode(kept)))).toMatchObject({ trace: TRACE });
    expect(await harness.responses()).toMatchObject([{ trace: TRACE }]);
  });

  it('is in the log lines about an invalid message, if known', async () => {
    await harness.requests.send([{ body: 'hello', groupId: harness.job }]);
    await work();
    expect(linesOf('Moved poison message to the dead-letter queue.')).toMatchObject([{ job: harness.job }]);
  });
});

describe('the metrics of a worker', () => {
  it('count images by model and errors by code, and measure times', async () => {
    await submit([...labels(0, 20), 'bad', 'bad', 'crash'], { trace: TRACE });
    await work();
    const model = { Model: 'stub/fp32' };
    const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
    expect(sum(valuesOf(figures, 'ImagesClassified', model))).toBe(20);
    expect(sum(valuesOf(figures, 'ImageErrors', { Code: 'not_an_image' }))).toBe(2);
    expect(sum(valuesOf(figures, 'ImageErrors', { Code: 'worker_crash' }))).toBe(1);
    expect(sum(valuesOf(figures, 'RunnerRestarts'))).toBeGreaterThanOrEqual(2);
    const batches = linesOf('Batch completed.').length;
    for (const metric of ['BatchLatencyMs', 'QueueWaitMs'])
      expect(valuesOf(figures, metric, { Queue: 'request' })).toHaveLength(batches);
  });
});
