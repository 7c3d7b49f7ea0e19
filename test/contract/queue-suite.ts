/** The contract of QueueService (core/cloud/ports.ts), run against each adapter. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Queue, QueueDepth, QueueService, ReceivedMessage } from '../../src/core/cloud/ports.ts';
import { MAX_MESSAGE_BYTES } from '../../src/core/job/messages.ts';
import { QueueMissingError } from '../../src/core/runtime/errors.ts';
import { until } from './until.ts';

export interface QueuesUnderTest {
  queues: QueueService;
  /** The same service through a connection of its own. */
  second?: () => Promise<QueueService>;
  release(): Promise<void>;
}

const newName = (kind = 'q'): string => `imgcls-contract-${kind}-${randomUUID()}`;
/** Long enough that no lease expires during a test. */
const LONG_MS = 600_000;

/** Receives until `count` messages have arrived, perhaps late and in parts. */
async function receiveMany(queue: Queue, count: number, leaseMs = LONG_MS): Promise<ReceivedMessage[]> {
  const got: ReceivedMessage[] = [];
  await until(`${count} messages are received`, async () => {
    got.push(...(await queue.receive({ max: 10, waitMs: 1_000, leaseMs })));
    return got.length >= count ? true : undefined;
  });
  return got;
}

async function receiveOne(queue: Queue, leaseMs = LONG_MS): Promise<ReceivedMessage> {
  const [message] = await receiveMany(queue, 1, leaseMs);
  if (message === undefined) throw new Error('no message');
  return message;
}

/** No message arrives within `waitMs`. */
const expectNothing = async (queue: Queue, waitMs = 0): Promise<void> =>
  expect(await queue.receive({ max: 10, waitMs, leaseMs: LONG_MS })).toEqual([]);

const untilDepth = (queue: Queue, wanted: QueueDepth): Promise<true> =>
  until(`the depth is ${JSON.stringify(wanted)}`, async () => {
    const { waiting, inFlight, delayed } = await queue.depth();
    return waiting === wanted.waiting && inFlight === wanted.inFlight && delayed === wanted.delayed
      ? true
      : undefined;
  });

const bodies = (messages: readonly ReceivedMessage[]): string[] => messages.map(({ body }) => body).sort();

export function describeQueues(name: string, makeQueues: () => Promise<QueuesUnderTest>): void {
  describe(`${name}: queues`, () => {
    let made: QueuesUnderTest;
    let queues: QueueService;
    let queue: Queue;
    beforeEach(async () => {
      made = await makeQueues();
      queues = made.queues;
      queue = await queues.create(newName());
    });
    afterEach(async () => {
      await queues.remove(queue.name);
      await made.release();
    });

    describe('sending and receiving', () => {
      it('delivers a message unchanged', async () => {
        const body = JSON.stringify({ v: 1, name: 'ü "quoted" <tag> & 😀\n' });
        const before = Date.now();
        await queue.send([{ body, groupId: '01JABCDEF0000000000000000X' }]);
        const message = await receiveOne(queue);
        expect(message).toMatchObject({ body, groupId: '01JABCDEF0000000000000000X', receiveCount: 1 });
        expect(Math.abs(message.sentAtMs - before)).toBeLessThan(60_000);
        expect(message.waitedMs).toBeGreaterThanOrEqual(0);
        expect(message.waitedMs).toBeLessThan(60_000);
        expect(message.id).not.toBe('');
        expect(message.receipt).not.toBe('');
      });

      it('delivers a message without a group', async () => {
        await queue.send([{ body: 'alone' }]);
        expect((await receiveOne(queue)).groupId).toBeUndefined();
      });

      it('sends and acknowledges any number of messages in a call', async () => {
        const sent = Array.from({ length: 25 }, (_, n) => `message ${n}`).sort();
        await queue.send(sent.map((body, n) => ({ body, groupId: `group-${n % 3}` })));
        const got = await receiveMany(queue, 25);
        expect(bodies(got)).toEqual(sent);
        expect(new Set(got.map(({ id }) => id)).size).toBe(25);
        expect(await queue.delete(got.map(({ receipt }) => receipt))).toEqual([]);
        await untilDepth(queue, { waiting: 0, inFlight: 0, delayed: 0 });
        await expectNothing(queue);
      });

      it('sends messages of the largest size, several in a call', async () => {
        const body = 'x'.repeat(MAX_MESSAGE_BYTES - 1);
        await queue.send([{ body: `1${body}` }, { body: `2${body}` }, { body: `3${body}` }]);
        expect(bodies(await receiveMany(queue, 3))).toEqual([`1${body}`, `2${body}`, `3${body}`]);
      });

      it('receives no more messages than requested', async () => {
        await queue.send(Array.from({ length: 5 }, (_, n) => ({ body: `${n}` })));
        const first = await until('a message arrives', async () => {
          const got = await queue.receive({ max: 2, waitMs: 1_000, leaseMs: LONG_MS });
          return got.length > 0 ? got : undefined;
        });
        expect(first.length).toBeLessThanOrEqual(2);
      });

      it('accepts calls without messages or receipts', async () => {
        await queue.send([]);
        expect(await queue.extend([], 1_000)).toEqual([]);
        expect(await queue.delete([])).toEqual([]);
        await expectNothing(queue);
      });

      it('delivers each message to only one of two receivers', async () => {
        const other = made.second === undefined ? queue : (await made.second()).open(queue.name);
        const sent = Array.from({ length: 20 }, (_, n) => `message ${String(n).padStart(2, '0')}`);
        await queue.send(sent.map((body) => ({ body })));
        const got: ReceivedMessage[] = [];
        await until('every message is received', async () => {
          for (const receiver of [queue, other]) {
            got.push(...(await receiver.receive({ max: 3, waitMs: 0, leaseMs: LONG_MS })));
          }
          return got.length >= 20 ? true : undefined;
        });
        expect(bodies(got)).toEqual(sent);
      });
    });

    describe('waiting', () => {
      it('returns no messages when none arrives in time', async () => {
        await expectNothing(queue);
        const start = performance.now();
        await expectNothing(queue, 1_000);
        expect(performance.now() - start).toBeGreaterThan(900);
      });

      it('ends the wait when another connection sends a message', async () => {
        const other = made.second === undefined ? queue : (await made.second()).open(queue.name);
        const start = performance.now();
        let isWaiting = true;
        const waiting = queue.receive({ max: 10, waitMs: 15_000, leaseMs: LONG_MS }).finally(() => {
          isWaiting = false;
        });
        // A later call has completed, so the receive has looked for messages and found none.
        await queue.depth();
        expect(isWaiting).toBe(true);
        await other.send([{ body: 'at last' }]);
        expect(bodies(await waiting)).toEqual(['at last']);
        expect(performance.now() - start).toBeLessThan(10_000);
      });

      it('ends the wait without messages when the caller aborts', async () => {
        const start = performance.now();
        const signal = AbortSignal.timeout(200);
        expect(await queue.receive({ max: 1, waitMs: 15_000, leaseMs: LONG_MS, signal })).toEqual([]);
        expect(
          await queue.receive({ max: 1, waitMs: 15_000, leaseMs: LONG_MS, signal: AbortSignal.abort() }),
        ).toEqual([]);
        expect(performance.now() - start).toBeLessThan(10_000);
      });
    });

    it('hides no message from other receivers after a receive was stopped', async () => {
      const stop = new AbortController();
      const stopped = queue.receive({ max: 10, waitMs: 20_000, leaseMs: LONG_MS, stop: stop.signal });
      // A later call has completed, so the receive has looked for messages and found none.
      await queue.depth();
      stop.abort();
      await queue.send([{ body: 'for another' }]);
      const late = await stopped;
      await queue.extend(
        late.map(({ receipt }) => receipt),
        0,
      );
      expect((await receiveOne(queue)).body).toBe('for another');
    });

    describe('leases', () => {
      it('hides a received message and redelivers it after the lease expires', async () => {
        await queue.send([{ body: 'again' }]);
        const first = await receiveOne(queue, 2_000);
        await expectNothing(queue);
        const second = await receiveOne(queue);
        expect(second).toMatchObject({ id: first.id, body: 'again', receiveCount: 2 });
        expect(second.receipt).not.toBe(first.receipt);
        expect(await queue.delete([second.receipt])).toEqual([]);
        await untilDepth(queue, { waiting: 0, inFlight: 0, delayed: 0 });
      });

      it('keeps a message hidden after its first lease if the lease was extended', async () => {
        await queue.send([{ body: 'slow work' }]);
        const message = await receiveOne(queue, 2_000);
        expect(await queue.extend([message.receipt], 60_000)).toEqual([]);
        await expectNothing(queue, 3_000);
        expect(await queue.delete([message.receipt])).toEqual([]);
      });

      it('redelivers a released message at once', async () => {
        await queue.send([{ body: 'not for me' }]);
        const message = await receiveOne(queue);
        expect(await queue.extend([message.receipt], 0)).toEqual([]);
        expect(await receiveOne(queue)).toMatchObject({ body: 'not for me', receiveCount: 2 });
      });

      it('releases a message for a time that is no whole number of milliseconds', async () => {
        await queue.send([{ body: 'soon' }]);
        const message = await receiveOne(queue);
        expect(await queue.extend([message.receipt], 0.25)).toEqual([]);
        expect(await receiveOne(queue)).toMatchObject({ body: 'soon', receiveCount: 2 });
      });

      it('extends and releases any number of messages', async () => {
        await queue.send(Array.from({ length: 15 }, (_, n) => ({ body: `${n}` })));
        const got = await receiveMany(queue, 15);
        const receipts = got.map(({ receipt }) => receipt);
        expect(await queue.extend(receipts, 60_000)).toEqual([]);
        expect(await queue.extend(receipts, 0)).toEqual([]);
        expect(bodies(await receiveMany(queue, 15))).toEqual(bodies(got));
      });

      it('returns the receipts of deleted messages, and still extends the others', async () => {
        await queue.send([{ body: 'done' }, { body: 'going on' }]);
        const [one, two] = await receiveMany(queue, 2);
        if (one === undefined || two === undefined) throw new Error('no messages');
        expect(await queue.delete([one.receipt])).toEqual([]);
        expect(await queue.extend([one.receipt, two.receipt], 60_000)).toEqual([one.receipt]);
        expect(await queue.delete([two.receipt])).toEqual([]);
      });
    });

    it('delivers a delayed message after its delay', async () => {
      await queue.send([{ body: 'later', delayMs: 2_000 }]);
      await expectNothing(queue);
      await untilDepth(queue, { waiting: 0, inFlight: 0, delayed: 1 });
      expect(await receiveOne(queue)).toMatchObject({ body: 'later', receiveCount: 1 });
    });

    it('counts waiting messages and messages in flight', async () => {
      await queue.send([{ body: 'a' }, { body: 'b' }, { body: 'c' }]);
      await untilDepth(queue, { waiting: 3, inFlight: 0, delayed: 0 });
      const message = await until('a message arrives', async () => {
        const [first] = await queue.receive({ max: 1, waitMs: 1_000, leaseMs: LONG_MS });
        return first;
      });
      await untilDepth(queue, { waiting: 2, inFlight: 1, delayed: 0 });
      await queue.delete([message.receipt]);
      await untilDepth(queue, { waiting: 2, inFlight: 0, delayed: 0 });
    });

    it('moves a message that was received too often to the dead-letter queue', async () => {
      const deadLetters = await queues.create(newName('dlq'));
      const risky = await queues.create(newName('risky'), {
        deadLetter: { queue: deadLetters.name, maxReceiveCount: 2 },
      });
      try {
        await risky.send([{ body: 'poison', groupId: 'job' }]);
        for (const receiveCount of [1, 2]) {
          const message = await receiveOne(risky);
          expect(message).toMatchObject({ body: 'poison', receiveCount });
          await risky.extend([message.receipt], 0);
        }
        const deadLetter = await until('the message is a dead letter', async () => {
          await expectNothing(risky);
          return (await deadLetters.receive({ max: 1, waitMs: 0, leaseMs: LONG_MS }))[0];
        });
        expect(deadLetter).toMatchObject({ body: 'poison', groupId: 'job' });
        expect(await deadLetters.delete([deadLetter.receipt])).toEqual([]);
        await untilDepth(risky, { waiting: 0, inFlight: 0, delayed: 0 });
      } finally {
        await queues.remove(risky.name);
        await queues.remove(deadLetters.name);
      }
    });

    describe('creating and removing queues', () => {
      it('rejects every call to a queue that never existed', async () => {
        const missing = queues.open(newName('missing'));
        await expect(missing.send([{ body: 'x' }])).rejects.toThrow(QueueMissingError);
        await expect(missing.receive({ max: 1, waitMs: 0, leaseMs: 1_000 })).rejects.toThrow(
          QueueMissingError,
        );
        await expect(missing.depth()).rejects.toThrow(QueueMissingError);
      });

      it('rejects every call to a removed queue', async () => {
        const brief = await queues.create(newName('brief'));
        await brief.send([{ body: 'x' }]);
        const { receipt } = await receiveOne(brief);
        await queues.remove(brief.name);
        const calls: [string, () => Promise<unknown>][] = [
          ['send', () => brief.send([{ body: 'y' }])],
          ['receive', () => brief.receive({ max: 1, waitMs: 0, leaseMs: 1_000 })],
          ['extend', () => brief.extend([receipt], 1_000)],
          ['delete', () => brief.delete([receipt])],
          ['depth', () => brief.depth()],
        ];
        for (const [verb, call] of calls) {
          // SQS may take up to a minute to remove a queue.
          const error = await until(
            `${verb} misses the queue`,
            () =>
              call().then(
                () => undefined,
                (e: unknown) => e,
              ),
            { timeoutMs: 50_000 },
          );
          expect(error).toBeInstanceOf(QueueMissingError);
        }
      });

      it('keeps an existing queue when it is created again with other settings', async () => {
        await queue.send([{ body: 'kept' }]);
        const again = await queues.create(queue.name, { retentionMs: 86_400_000 });
        expect(again.name).toBe(queue.name);
        expect(bodies(await receiveMany(again, 1))).toEqual(['kept']);
      });

      it('accepts the removal of a queue that does not exist', async () => {
        await queues.remove(newName('missing'));
      });

      it('opens a queue by its name', async () => {
        await queues.open(queue.name).send([{ body: 'by name' }]);
        expect((await receiveOne(queue)).body).toBe('by name');
      });

      it('lists the queues of a prefix', async () => {
        const before = Date.now();
        const prefix = newName('list');
        const names = [`${prefix}-a`, `${prefix}-b`];
        for (const each of names) await queues.create(each);
        try {
          const listed = await until('both queues are listed', async () => {
            const found = await Array.fromAsync(queues.list(prefix));
            return found.length >= 2 ? found : undefined;
          });
          expect(listed.map(({ name: each }) => each).sort()).toEqual(names);
          for (const each of listed) expect(Math.abs(each.createdAtMs - before)).toBeLessThan(60_000);
        } finally {
          for (const each of names) await queues.remove(each);
        }
      });
    });
  });
}
