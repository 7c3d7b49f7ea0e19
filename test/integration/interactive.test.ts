import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import { type Client, createJobClient } from '../../src/client/client.ts';
import type { ClassifyOptions } from '../../src/client/interactive.ts';
import type { Cloud, Queue, QueueService } from '../../src/core/cloud/ports.ts';
import { workerStatus } from '../../src/core/fleet/fleet.ts';
import {
  interactiveQueueName,
  JOBS_PREFIX,
  responseQueueName,
  responseQueuePrefix,
  workerStatusKey,
} from '../../src/core/job/keys.ts';
import type { Clock } from '../../src/core/runtime/clock.ts';
import { ImgclsError } from '../../src/core/runtime/errors.ts';
import { until } from '../contract/until.ts';
import { gist, Harness, labels, MODEL, override } from './worker-harness.ts';

let harness: Harness;
const clients: Client[] = [];
beforeEach(async () => {
  harness = await Harness.make();
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await harness.release();
});

function open({ cloud = harness.cloud, clock = systemClock }: { cloud?: Cloud; clock?: Clock } = {}) {
  const client = createJobClient({
    cloud,
    clock,
    random: Math.random,
    newId: ulid,
    readBucket: (name) => cloud.bucket(name),
    joinController: () => ({ failed: new AbortController().signal, leave: async () => {} }),
    concurrency: 4,
    maxImageBytes: 1e6,
  });
  clients.push(client);
  return client;
}
const ask = (client: Client, text: string, asking: Partial<ClassifyOptions> = {}) =>
  client.classify(
    { name: 'one.jpg', bytes: Buffer.from(text, 'latin1') },
    { model: MODEL, topK: 1, timeoutMs: 20_000, ...asking },
  );
/** The outcome as in `gist`. */
const answer = async (client: Client, text: string, asking: Partial<ClassifyOptions> = {}) =>
  gist([await ask(client, text, asking)])[0];
const depth = async (queue: Queue) => {
  const { waiting, inFlight, delayed } = await queue.depth();
  return waiting + inFlight + delayed;
};
/** The response queues of clients, without that of the harness. */
async function replyQueues(): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of harness.cloud.queues.list(responseQueuePrefix('test'))) names.push(name);
  return names.filter((name) => name !== harness.replyTo);
}
/** A client's wait for a further request ends at once. Other sleeps are real. */
const impatient: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms === 30_000 ? 0 : ms, signal),
};
/** The cloud of a worker, with some of its queues replaced. */
function cloudWith(replace: (queue: Queue) => Queue): Cloud {
  const { queues } = harness.cloud;
  return { ...harness.cloud, queues: override(queues, { open: (name) => replace(queues.open(name)) }) };
}
async function request(changes: Record<string, unknown> = {}): Promise<void> {
  const [image] = await harness.store(['label:direct']);
  const body = { v: 1, job: ulid(), attempt: 1, model: MODEL, topK: 1, replyTo: harness.replyTo };
  await harness.interactive.send([{ body: JSON.stringify({ ...body, images: [image], ...changes }) }]);
}

describe('an interactive image', () => {
  it('gets its label, and leaves no job, no message and no byte behind', async () => {
    harness.start();
    const outcome = await ask(open(), 'label:cat', { words: Buffer.from('its labels') });
    expect(outcome).toMatchObject({
      index: 0,
      name: 'one.jpg',
      labels: [{ label: 'cat' }],
      model: 'stub/fp32',
    });
    await until('its message is deleted', async () => (await depth(harness.interactive)) === 0 || undefined);
    const jobs = await Array.fromAsync(harness.cloud.output.listFolders(JOBS_PREFIX));
    expect(jobs).toEqual([harness.job]);
    await until('its bytes are deleted', async () => {
      const left = await Array.fromAsync(harness.cloud.input.list(''));
      return left.length === 0 || undefined;
    });
  });

  it('gets its error if it is no image, is too large, or kills its runner', async () => {
    harness.start();
    const client = open();
    const codes = await Promise.all(['bad', 'x'.repeat(1001), 'crash'].map((text) => answer(client, text)));
    expect(codes).toEqual(['not_an_image', 'too_large', 'worker_crash']);
  });

  it('gets its own response among ten at a time, over one response queue', async () => {
    harness.start();
    const client = open();
    const answers = await Promise.all(labels(0, 10).map((text) => answer(client, text)));
    expect(answers).toEqual(Array.from({ length: 10 }, (_, index) => String(index)));
    expect(await replyQueues()).toHaveLength(1);
  });

  it('is answered while a batch occupies all runners of batches', async () => {
    const gate = path.join(harness.folder, 'gate');
    await harness.submit([`wait:${gate}`]);
    const worker = harness.start();
    await harness.untilRunnersSaw(`wait:${gate}`);
    expect(await answer(open(), 'label:cat')).toBe('cat');
    await writeFile(gate, '');
    worker.drain.abort();
    expect(await worker.summary).toEqual({ reason: 'drained', imagesDone: 2, batchesDone: 2 });
  });

  it('without a worker times out, and its response queue is removed', async () => {
    const client = open({ clock: impatient });
    const failure = await ask(client, 'label:cat', { timeoutMs: 300 }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ImgclsError);
    expect(failure).toMatchObject({
      kind: 'transient',
      message: 'No worker responded within 0.3 s.',
      hint: expect.stringContaining('imgcls status'),
    });
    await client.close();
    expect(await replyQueues()).toEqual([]);
  });

  it('is cancelled with its caller', async () => {
    const gone = new AbortController();
    const asked = ask(open(), 'label:cat', { signal: gone.signal });
    gone.abort(new Error('the caller hung up'));
    await expect(asked).rejects.toThrow('the caller hung up');
  });

  it('is answered by another worker when the first one ends before it has sent the response', async () => {
    const send = () => Promise.reject(new ImgclsError('permanent', 'Access is denied.'));
    const cloud = cloudWith((queue) => override(queue, { send }));
    const first = harness.start({ cloud, random: () => 0 });
    const asked = answer(open(), 'label:cat');
    await expect(first.summary).rejects.toThrow('Access is denied.');
    harness.start();
    expect(await asked).toBe('cat');
  });

  it('whose message was received too often gets worker_crash, and goes into no runner', async () => {
    await request();
    for (let time = 0; time < 2; time++) await harness.interactive.receive({ max: 1, waitMs: 0, leaseMs: 0 });
    harness.start();
    const [response] = await until('it is answered', async () => {
      const found = await harness.responses();
      return found.length > 0 ? found : undefined;
    });
    expect(gist(response?.outcomes)).toEqual(['worker_crash']);
    expect(await harness.runnerLines()).not.toContain('image label:direct');
  });

  it('goes into no runner once its caller has stopped waiting', async () => {
    await request({ timeoutMs: 1 });
    harness.start();
    expect(await answer(open(), 'label:cat')).toBe('cat');
    await until('the message is deleted', async () => (await depth(harness.interactive)) === 0 || undefined);
    expect(await harness.runnerLines()).not.toContain('image label:direct');
    expect(await harness.responses()).toEqual([]);
  });

  it('that takes too long is not tried again, and the one beside it in the runner is', async () => {
    const gate = path.join(harness.folder, 'gate');
    harness.start();
    const client = open();
    const beside = answer(client, `wait:${gate}`);
    await harness.untilRunnersSaw(`wait:${gate}`);
    await expect(ask(client, 'hang', { timeoutMs: 1500 })).rejects.toMatchObject({ kind: 'transient' });
    await until('the other one is tried again', async () => {
      const lines = await harness.runnerLines();
      return lines.filter((line) => line === `image wait:${gate}`).length === 2 ? true : undefined;
    });
    await writeFile(gate, '');
    expect(await beside).toBe(gate);
    expect((await harness.runnerLines()).filter((line) => line === 'image hang')).toHaveLength(1);
    await until(
      'the messages are deleted',
      async () => (await depth(harness.interactive)) === 0 || undefined,
    );
  });

  it('does not wait until all earlier ones of another caller are done', async () => {
    const gate = (at: number) => path.join(harness.folder, `gate-${at}`);
    const client = open();
    const greedy = Array.from({ length: 12 }, (_, at) =>
      answer(client, `wait:${gate(at)}`, { caller: 'greedy' }),
    );
    for (const each of greedy) each.catch(() => {});
    await until('all are sent', async () => (await depth(harness.interactive)) === 12 || undefined);
    harness.start();
    const seen = await until('the worker has no room for more', async () => {
      const lines = (await harness.runnerLines()).filter((line) => line.startsWith('image wait'));
      return lines.length === 4 ? lines : undefined;
    });
    const modest = answer(client, 'label:cat', { caller: 'modest' });
    await until('it is sent', async () => (await depth(harness.interactive)) === 13 || undefined);
    // The callers take turns, so at most one more of the other caller comes first.
    for (const line of seen.slice(0, 2)) await writeFile(line.replace('image wait:', ''), '');
    expect(await modest).toBe('cat');
    await Promise.all(Array.from({ length: 12 }, (_, at) => writeFile(gate(at), '')));
    await Promise.all(greedy);
  });

  it('with a poison message is discarded', async () => {
    await harness.interactive.send([{ body: 'nonsense' }]);
    await request({ replyTo: undefined });
    harness.start();
    await until(
      'the messages are deleted',
      async () => (await depth(harness.interactive)) === 0 || undefined,
    );
    expect(await depth(harness.deadLetters)).toBe(0);
  });

  it('is acknowledged when its waiter is gone', async () => {
    await request({ replyTo: responseQueueName('test', 'gone') });
    harness.start();
    await until('the message is deleted', async () => (await depth(harness.interactive)) === 0 || undefined);
  });
});

describe('the response queue of a client', () => {
  it('is removed after a while without requests, and replaced', async () => {
    harness.start();
    const client = open({ clock: impatient });
    expect(await answer(client, 'label:1')).toBe('1');
    await until('it is removed', async () => (await replyQueues()).length === 0 || undefined);
    expect(await answer(client, 'label:2')).toBe('2');
  });

  it('is replaced when it was deleted', async () => {
    harness.start();
    const client = open();
    expect(await answer(client, 'label:1')).toBe('1');
    for (const name of await replyQueues()) await harness.cloud.queues.remove(name);
    expect(await answer(client, 'label:2')).toBe('2');
  });

  it('is replaced when it is old, and removed after its last response', async () => {
    let laterMs = 0;
    const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + laterMs };
    const gate = path.join(harness.folder, 'gate');
    harness.start();
    const client = open({ clock });
    const early = answer(client, `wait:${gate}`);
    await harness.untilRunnersSaw(`wait:${gate}`);
    const [old] = await replyQueues();
    laterMs = 6 * 3_600_000;
    const late = answer(client, 'label:2');
    await until('there are two', async () => (await replyQueues()).length === 2 || undefined);
    await writeFile(gate, '');
    expect(await early).toBe(gate);
    expect(await late).toBe('2');
    await until(
      'the old one is removed',
      async () => !(await replyQueues()).includes(old ?? '') || undefined,
    );
  });

  it('that cannot be read fails the request at once', async () => {
    const failing: QueueService = {
      open: (name) => harness.cloud.queues.open(name),
      remove: (name) => harness.cloud.queues.remove(name),
      list: (prefix) => harness.cloud.queues.list(prefix),
      async create(name, settings) {
        const queue = await harness.cloud.queues.create(name, settings);
        queue.receive = () => Promise.reject(new ImgclsError('transient', 'The network is down.'));
        return queue;
      },
    };
    const client = open({ cloud: { ...harness.cloud, queues: failing } });
    await expect(ask(client, 'label:cat')).rejects.toThrow('The network is down.');
    await until('it is removed', async () => (await replyQueues()).length === 0 || undefined);
  });

  it('is removed with its client, which rejects its requests', async () => {
    const client = open();
    const asked = ask(client, 'label:cat');
    const rejected = expect(asked).rejects.toThrow('The client was closed');
    await until('the request is sent', async () => (await depth(harness.interactive)) > 0 || undefined);
    await client.close();
    await rejected;
    expect(await replyQueues()).toEqual([]);
    await expect(ask(client, 'label:cat')).rejects.toThrow('The client is closed.');
  });
});

describe('a worker that holds an interactive image', () => {
  it('finishes it after a signal, and releases the next one', async () => {
    const gate = path.join(harness.folder, 'gate');
    const client = open();
    const worker = harness.start();
    const begun = answer(client, `wait:${gate}`);
    await harness.untilRunnersSaw(`wait:${gate}`);
    worker.drain.abort();
    const next = answer(client, 'label:next');
    await writeFile(gate, '');
    expect(await begun).toBe(gate);
    expect(await worker.summary).toEqual({ reason: 'drained', imagesDone: 1, batchesDone: 1 });
    harness.start();
    expect(await next).toBe('next');
  });

  it('kills its runner at the second signal', async () => {
    const worker = harness.start();
    const asked = ask(open(), 'hang', { timeoutMs: 2000 }).catch(() => {});
    await harness.untilRunnersSaw('hang');
    worker.drain.abort();
    worker.force.abort();
    expect(await worker.summary).toMatchObject({ reason: 'forced', imagesDone: 0 });
    expect(await harness.livingRunners()).toEqual([]);
    await asked;
  });

  it('is busy, not idle', async () => {
    const gate = path.join(harness.folder, 'gate');
    const client = open();
    const asked = answer(client, `wait:${gate}`);
    await until('the request is sent', async () => (await depth(harness.interactive)) > 0 || undefined);
    let emptyReceives = 0;
    const receive: Queue['receive'] = async (options) => {
      const messages = await harness.requests.receive(options);
      if (messages.length === 0) emptyReceives++;
      return messages;
    };
    const worker = harness.start({
      cloud: cloudWith((queue) =>
        queue.name === harness.requests.name ? override(queue, { receive }) : queue,
      ),
      idleExitMs: 300,
    });
    await harness.untilRunnersSaw(`wait:${gate}`);
    const read = async () => {
      const { body } = await harness.cloud.output.get(workerStatusKey('w-0'));
      return workerStatus.parse(JSON.parse(new TextDecoder().decode(body)));
    };
    const status = await until('the status is busy', async () => {
      const found = await read();
      return found.state === 'busy' ? found : undefined;
    });
    expect(status.rssBytes).toBeGreaterThan(0);
    const receivesBefore = emptyReceives;
    // Each of these receives takes as long as an idle worker waits before it ends.
    await until('three receives were empty', async () => emptyReceives >= receivesBefore + 3);
    await writeFile(gate, '');
    expect(await asked).toBe(gate);
    expect(await worker.summary).toEqual({ reason: 'idle', imagesDone: 1, batchesDone: 1 });
  });
});

describe('a worker of a cluster without an interactive queue', () => {
  it('serves batches, and warns once', async () => {
    await harness.cloud.queues.remove(interactiveQueueName('test'));
    const warnings: string[] = [];
    const log = { debug() {}, info() {}, error() {}, warn: (_: object, text: string) => warnings.push(text) };
    await harness.submit(labels(0, 16));
    expect(await harness.work({ log })).toEqual({ reason: 'idle', imagesDone: 16, batchesDone: 1 });
    expect(warnings).toEqual(['Interactive queue unavailable; serving batches only.']);
    await expect(ask(open(), 'label:cat')).rejects.toThrow('Queue imgcls-test-interactive does not exist.');
  });
});
