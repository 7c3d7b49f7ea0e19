/** The embedded cloud fulfils the contracts of the ports, and has properties of its own. */
import { open, readdir, readFile, stat, truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ImgclsError,
  ObjectDamagedError,
  ObjectMissingError,
  QueueMissingError,
} from '../../src/core/runtime/errors.ts';
import { createLocalCloud } from '../../src/local/cloud.ts';
import { inspectLocalCloud } from '../../src/local/inspect.ts';
import { CLUSTER, makeClouds, type TestClouds } from './local-cloud.ts';
import { describeQueues } from './queue-suite.ts';
import { isWhole, sealedBody } from './sealed-body.ts';
import { describeStore } from './store-suite.ts';

describeStore('embedded cloud', async () => {
  const { open, release } = await makeClouds();
  return { store: open().output, second: async () => open().output, release };
});

describeQueues('embedded cloud', async () => {
  const { open, release } = await makeClouds();
  return { queues: open().queues, second: async () => open().queues, release };
});

const HOUR_MS = 3_600_000;

describe('embedded cloud', () => {
  let clouds: TestClouds;
  beforeEach(async () => {
    clouds = await makeClouds();
  });
  afterEach(() => clouds.release());
  const receiveAll = { max: 10, waitMs: 0, leaseMs: 60_000 };

  describe('files', () => {
    it('returns the file of a large object, which a new version does not change', async () => {
      const { output } = clouds.open();
      const [first, second] = [Buffer.alloc(100_000, 'a'), Buffer.alloc(100_001, 'b')];
      await output.put('large', first);
      const file = await output.fileOf?.('large');
      expect(file?.bytes).toBe(first.byteLength);
      expect(Buffer.compare(await readFile(file?.path ?? ''), first)).toBe(0);
      await output.put('large', second);
      const later = await output.fileOf?.('large');
      expect(later?.path).not.toBe(file?.path);
      expect(Buffer.compare(await readFile(later?.path ?? ''), second)).toBe(0);
    });

    it('returns no file for a small object, and rejects a missing one', async () => {
      const { output } = clouds.open();
      await output.put('small', Buffer.alloc(100));
      expect(await output.fileOf?.('small')).toBeUndefined();
      await expect(output.fileOf?.('nothing')).rejects.toThrow(ObjectMissingError);
    });
  });

  describe('a file that was deleted or cut off', () => {
    const body = Buffer.alloc(100_000, 'a');
    const fileOf = async (key: string) => (await clouds.open().input.fileOf?.(key))?.path ?? '';

    it('leaves no object: a read finds none, and a put stores it again', async () => {
      const { input } = clouds.open();
      await input.put('images/a', body);
      await unlink(await fileOf('images/a'));
      expect(await input.head('images/a')).toBeUndefined();
      await expect(input.get('images/a')).rejects.toThrow(ObjectMissingError);
      await input.put('images/a', body, { only: 'absent' });
      expect((await input.get('images/a')).body.byteLength).toBe(body.byteLength);
    });

    it('and is too short is an error that names the object, until the object is stored again', async () => {
      const { input } = clouds.open();
      await input.put('images/a', body);
      await truncate(await fileOf('images/a'), 10);
      expect(await input.head('images/a')).toBeUndefined();
      await expect(input.getStream('images/a')).rejects.toThrow(ObjectDamagedError);
      await expect(input.get('images/a')).rejects.toThrow('its file has 10 of 100000 bytes');
      await input.put('images/a', body);
      expect((await input.get('images/a')).body.byteLength).toBe(body.byteLength);
    });

    it('is found by an inspection, which changes nothing', async () => {
      const never = new AbortController().signal;
      const inspect = () => inspectLocalCloud({ dataDir: clouds.dataDir, cluster: CLUSTER }, never);
      expect(await inspect()).toBeUndefined();
      const { input } = clouds.open();
      for (const key of ['cut', 'gone', 'whole']) await input.put(key, body);
      await truncate(await fileOf('cut'), 10);
      await unlink(await fileOf('gone'));
      const bucket = input.bucket;
      expect(await inspect()).toEqual({
        files: 3,
        damaged: [
          { bucket, key: 'cut', damage: 'its file has 10 of 100000 bytes' },
          { bucket, key: 'gone', damage: 'its file is gone' },
        ],
      });
    });
  });

  describe('keys', () => {
    it.each([
      '../../x',
      '/etc/passwd',
      '.',
      'a//b',
      'a/../b',
      'line\nbreak',
      '\u0001\u001f',
      'C:\\x',
      '😀'.repeat(256),
      '\uffff',
      '\u{10ffff}',
    ])('accepts %j like any other key, and stays in its folder', async (key) => {
      const { output } = clouds.open();
      for (const size of [10, 100_000]) {
        const body = Buffer.alloc(size, key);
        await output.put(key, body);
        expect(Buffer.compare((await output.get(key)).body, body)).toBe(0);
        expect((await Array.fromAsync(output.list(key))).map((object) => object.key)).toEqual([key]);
      }
      expect(await readdir(clouds.dataDir)).toEqual([CLUSTER]);
      expect(
        (await readdir(join(clouds.dataDir, CLUSTER))).filter((name) => !name.startsWith('cloud.db')),
      ).toEqual(['objects']);
      await output.delete([key]);
      expect(await output.head(key)).toBeUndefined();
    });

    it.each([
      ['nothing', ''],
      ['1,025 bytes', 'x'.repeat(1_025)],
      ['1,028 bytes', '😀'.repeat(257)],
      ['half a character', 'a\ud83d'],
    ])('refuses a key of %s', async (_what, key) => {
      await expect(clouds.open().output.put(key, Buffer.from('x'))).rejects.toThrow(/Invalid object key/);
    });
  });

  it('keeps the objects of its two buckets apart and rejects other buckets', async () => {
    const cloud = clouds.open();
    await cloud.input.put('key', Buffer.from('in'));
    expect(await cloud.output.head('key')).toBeUndefined();
    expect(cloud.bucket(cloud.input.bucket)).toBe(cloud.input);
    expect(cloud.bucket(cloud.output.bucket)).toBe(cloud.output);
    expect(() => cloud.bucket('somebody-elses')).toThrow(/no bucket somebody-elses/);
  });

  it('lets one writer win when many put the same new object at once', async () => {
    const stores = [clouds.open().output, clouds.open().output];
    const tries = Array.from({ length: 20 }, (_, n) => {
      const body = Buffer.alloc(n % 3 === 0 ? 100_000 : 100, n);
      return stores[n % 2]?.put('key', body, { only: 'absent' }).then(() => body);
    });
    const won = (await Promise.allSettled(tries)).filter((each) => each.status === 'fulfilled');
    expect(won).toHaveLength(1);
    expect(Buffer.compare((await clouds.open().output.get('key')).body, won[0]?.value ?? Buffer.of())).toBe(
      0,
    );
  });

  it('reads one whole version of an object that is replaced all the time', async () => {
    const { output } = clouds.open();
    await output.put('key', sealedBody(100_000));
    let replacing = true;
    const replace = async (): Promise<void> => {
      for (let n = 0; n < 25; n++) {
        const other = clouds.open();
        await other.output.put('key', sealedBody(n % 4 === 0 ? 100 : 100_000 + n));
        // Closing deletes the files of earlier versions.
        await other.close();
      }
      replacing = false;
    };
    const read = async (): Promise<void> => {
      while (replacing) {
        const { info, body } = await output.get('key');
        expect(body.byteLength).toBe(info.bytes);
        expect(isWhole(body)).toBe(true);
      }
    };
    await Promise.all([replace(), read(), read(), read()]);
  });

  it('keeps everything for the next process, readable only by its user', async () => {
    const first = clouds.open();
    await first.input.put('key', Buffer.from('kept'));
    await (await first.queues.create('q')).send([{ body: 'kept too' }]);
    await first.close();
    const second = clouds.open();
    expect(Buffer.from((await second.input.get('key')).body).toString()).toBe('kept');
    expect((await second.queues.open('q').receive(receiveAll))[0]?.body).toBe('kept too');
    expect((await stat(join(clouds.dataDir, CLUSTER))).mode & 0o077).toBe(0);
  });

  describe('queues', () => {
    it('serves a group of 20 at once though 20,000 messages of another wait', async () => {
      const queue = await clouds.open().queues.create('q');
      await queue.send(Array.from({ length: 20_000 }, (_, n) => ({ body: `${n}`, groupId: 'large' })));
      await queue.receive(receiveAll);
      await queue.send(Array.from({ length: 20 }, (_, n) => ({ body: `${n}`, groupId: 'small' })));
      const groups: (string | undefined)[] = [];
      for (let n = 0; n < 5; n++)
        groups.push(...(await queue.receive(receiveAll)).map(({ groupId }) => groupId));
      expect(groups.filter((group) => group === 'small')).toHaveLength(20);
      expect(groups.filter((group) => group === 'large')).toHaveLength(30);
    });

    it('gives a group of large messages no more than one of small ones', async () => {
      const queue = await clouds.open().queues.create('q');
      const send = (groupId: string, turns: number) =>
        queue.send(Array.from({ length: 50 }, (_, n) => ({ body: `${n}`, groupId, turns })));
      await send('large', 4);
      await queue.receive(receiveAll);
      await send('small', 1);
      const groups: (string | undefined)[] = [];
      for (let n = 0; n < 2; n++)
        groups.push(...(await queue.receive(receiveAll)).map(({ groupId }) => groupId));
      expect(groups.filter((group) => group === 'small')).toHaveLength(16);
    });

    it('serves 1,000 groups in turn', async () => {
      const queue = await clouds.open().queues.create('q');
      const groups = Array.from({ length: 1_000 }, (_, n) => `group-${n}`);
      for (const groupId of groups)
        await queue.send([
          { body: '1', groupId },
          { body: '2', groupId },
        ]);
      const served: (string | undefined)[] = [];
      while (served.length < 1_000)
        served.push(...(await queue.receive(receiveAll)).map(({ groupId }) => groupId));
      expect(new Set(served).size).toBe(1_000);
    });

    it('does not let a group starve the others by releasing its messages', async () => {
      const queue = await clouds.open().queues.create('q');
      await queue.send([{ body: 'x', groupId: 'returned' }]);
      await queue.send(Array.from({ length: 5 }, (_, n) => ({ body: `${n}`, groupId: 'other' })));
      const others: string[] = [];
      for (let n = 0; n < 12; n++) {
        const [message] = await queue.receive({ ...receiveAll, max: 1 });
        if (message?.groupId === 'other') others.push(message.body);
        else await queue.extend([message?.receipt ?? ''], 0);
      }
      expect(others.sort()).toEqual(['0', '1', '2', '3', '4']);
    });

    it('returns stale receipts as lost after another receiver got the message', async () => {
      let nowMs = Date.now();
      const queue = await clouds
        .open({ leaseClock: { boot: 'first', nowMs: () => nowMs } })
        .queues.create('q');
      await queue.send([{ body: 'x' }]);
      const [first] = await queue.receive(receiveAll);
      nowMs += 60_000;
      const [second] = await queue.receive(receiveAll);
      const stale = first?.receipt ?? '';
      expect(await queue.extend([stale], 60_000)).toEqual([stale]);
      expect(await queue.delete([stale, 'nonsense', ''])).toEqual([stale, 'nonsense', '']);
      expect(await queue.depth()).toEqual({ waiting: 0, inFlight: 1, delayed: 0 });
      expect(await queue.delete([second?.receipt ?? ''])).toEqual([]);
    });

    it('lets a late worker acknowledge until another worker receives the message', async () => {
      let nowMs = Date.now();
      const queue = await clouds
        .open({ leaseClock: { boot: 'first', nowMs: () => nowMs } })
        .queues.create('q');
      await queue.send([{ body: 'x' }]);
      const [message] = await queue.receive(receiveAll);
      nowMs += 60_001;
      expect((await queue.depth()).waiting).toBe(1);
      expect(await queue.delete([message?.receipt ?? ''])).toEqual([]);
      expect(await queue.receive(receiveAll)).toEqual([]);
    });

    it('deletes messages after their retention', async () => {
      let nowMs = Date.now();
      const { queues } = clouds.open({ clock: { nowMs: () => nowMs } });
      const queue = await queues.create('q', { retentionMs: 3_600_000 });
      await queue.send(Array.from({ length: 250 }, (_, n) => ({ body: `old ${n}` })));
      nowMs += 3_600_000;
      await queue.send([{ body: 'new' }]);
      const got = await queue.receive({ ...receiveAll, waitMs: 5_000 });
      expect(got.map(({ body }) => body)).toEqual(['new']);
      expect(await queue.depth()).toEqual({ waiting: 0, inFlight: 1, delayed: 0 });
    });

    it('keeps the time at which a dead letter was first sent', async () => {
      let nowMs = Date.now();
      const clock = { boot: 'first', nowMs: () => nowMs };
      const { queues } = clouds.open({ clock, leaseClock: clock });
      const deadLetters = await queues.create('dlq');
      const queue = await queues.create('q', { deadLetter: { queue: 'dlq', maxReceiveCount: 1 } });
      const sentAtMs = nowMs;
      await queue.send([{ body: 'x', groupId: 'job' }]);
      await queue.receive(receiveAll);
      nowMs += 60_000;
      expect(await queue.receive(receiveAll)).toEqual([]);
      const [deadLetter] = await deadLetters.receive(receiveAll);
      expect(deadLetter).toMatchObject({ body: 'x', groupId: 'job', sentAtMs, receiveCount: 1 });
    });

    it('tells how long a message waited', async () => {
      let nowMs = Date.now();
      const { queues } = clouds.open({ clock: { nowMs: () => nowMs } });
      const queue = await queues.create('q');
      await queue.send([{ body: 'x' }]);
      nowMs += 700;
      expect(await queue.receive(receiveAll)).toMatchObject([{ waitedMs: 700 }]);
    });

    it('delivers a message whose dead-letter queue is missing instead of losing it', async () => {
      const { queues } = clouds.open();
      const queue = await queues.create('q', { deadLetter: { queue: 'none', maxReceiveCount: 1 } });
      await queue.send([{ body: 'x' }]);
      for (const receiveCount of [1, 2, 3]) {
        const [message] = await queue.receive(receiveAll);
        expect(message).toMatchObject({ body: 'x', receiveCount });
        await queue.extend([message?.receipt ?? ''], 0);
      }
    });

    it('wakes a waiting receiver as soon as a delay ends, and as soon as a lease ends', async () => {
      const queue = await clouds.open().queues.create('q');
      await queue.send([{ body: 'x', delayMs: 300 }]);
      for (const leaseMs of [400, 60_000]) {
        const start = performance.now();
        expect(await queue.receive({ max: 10, waitMs: 10_000, leaseMs })).toHaveLength(1);
        const waitedMs = performance.now() - start;
        expect(waitedMs).toBeGreaterThan(250);
        expect(waitedMs).toBeLessThan(1_500);
      }
    });

    it('keeps leases and delays as they are when the wall clock is set', async () => {
      let [wallMs, machineMs] = [Date.now(), 1000];
      const clock = { nowMs: () => wallMs };
      const leaseClock = { boot: 'first', nowMs: () => machineMs };
      const queue = await clouds.open({ clock, leaseClock }).queues.create('q');
      await queue.send([{ body: 'leased' }, { body: 'delayed', delayMs: 60_000 }]);
      const [leased] = await queue.receive(receiveAll);
      wallMs += 6 * HOUR_MS;
      expect(await queue.receive(receiveAll)).toEqual([]);
      expect(await queue.extend([leased?.receipt ?? ''], 60_000)).toEqual([]);
      wallMs -= 12 * HOUR_MS;
      machineMs += 60_000;
      const bodies = (await queue.receive(receiveAll)).map(({ body }) => body);
      expect(bodies.sort()).toEqual(['delayed', 'leased']);
    });

    it('ends leases and delays when the machine is started again, once', async () => {
      const open = (boot: string, nowMs: number) =>
        clouds.open({ leaseClock: { boot, nowMs: () => nowMs } }).queues.create('q');
      const before = await open('first', 9e9);
      await before.send([{ body: 'leased' }, { body: 'delayed', delayMs: 60_000 }]);
      await before.receive(receiveAll);
      const after = await open('second', 1000);
      const received = await after.receive(receiveAll);
      expect(received.map(({ body, receiveCount }) => [body, receiveCount]).sort()).toEqual([
        ['delayed', 1],
        ['leased', 2],
      ]);
      expect(await (await open('second', 2000)).receive(receiveAll)).toEqual([]);
    });

    describe('a process that has ended', () => {
      const ended = new Set<number>();
      const openIn = async (pid: number) => {
        const processes = {
          own: { machine: 'this', pid },
          hasEnded: (other: { pid: number }) => ended.has(other.pid),
        };
        const cloud = clouds.open({ processes });
        await cloud.queues.create('dead');
        const deadLetter = { queue: 'dead', maxReceiveCount: 2 };
        return { cloud, queue: await cloud.queues.create('q', { deadLetter }) };
      };
      beforeEach(() => ended.clear());

      it('leaves its messages to others at once; each delivery counts', async () => {
        const [first, second, third] = [await openIn(1), await openIn(2), await openIn(3)];
        await first.queue.send([{ body: 'a' }, { body: 'b' }]);
        const held = await first.queue.receive({ ...receiveAll, leaseMs: 12 * HOUR_MS });
        expect(held).toHaveLength(2);
        const waiting = second.queue.receive({ max: 10, waitMs: 20_000, leaseMs: 12 * HOUR_MS });
        ended.add(1);
        expect((await waiting).map(({ receiveCount }) => receiveCount)).toEqual([2, 2]);
        const receipts = held.map(({ receipt }) => receipt);
        expect(await first.queue.delete(receipts)).toEqual(receipts);
        ended.add(2);
        expect(await third.queue.receive(receiveAll)).toEqual([]);
        expect(await third.cloud.queues.open('dead').receive(receiveAll)).toHaveLength(2);
      });

      it('keeps hidden what it hid on purpose before it ended by itself', async () => {
        const [first, second] = [await openIn(1), await openIn(2)];
        await first.queue.send([{ body: 'of a newer imgcls' }]);
        const [message] = await first.queue.receive(receiveAll);
        await first.queue.extend([message?.receipt ?? ''], HOUR_MS);
        await first.cloud.close();
        ended.add(1);
        expect(await second.queue.receive(receiveAll)).toEqual([]);
        expect(await second.queue.depth()).toMatchObject({ inFlight: 1 });
      });
    });

    it('rejects a waiting receive when its queue is removed', async () => {
      const { queues } = clouds.open();
      const queue = await queues.create('q');
      const waiting = expect(queue.receive({ ...receiveAll, waitMs: 20_000 })).rejects.toThrow(
        QueueMissingError,
      );
      await clouds.open().queues.remove('q');
      await waiting;
    });

    it('creates an empty queue under the name of a removed one', async () => {
      const { queues } = clouds.open();
      const before = await queues.create('q');
      await before.send(Array.from({ length: 1_200 }, () => ({ body: 'x' })));
      const [message] = await before.receive(receiveAll);
      await queues.remove('q');
      const after = await queues.create('q');
      expect(await after.depth()).toEqual({ waiting: 0, inFlight: 0, delayed: 0 });
      expect(await after.delete([message?.receipt ?? ''])).toEqual([message?.receipt]);
    });

    it.each([
      [{ ...receiveAll, max: 0 }],
      [{ ...receiveAll, max: 11 }],
      [{ ...receiveAll, waitMs: 20_001 }],
      [{ ...receiveAll, leaseMs: 43_200_001 }],
    ])('has the limits of SQS for a receive: %j', async (options) => {
      const queue = await clouds.open().queues.create('q');
      await expect(queue.receive(options)).rejects.toMatchObject({ kind: 'usage' });
    });

    it('refuses messages that SQS would refuse', async () => {
      const queue = await clouds.open().queues.create('q');
      await expect(queue.send([{ body: '' }])).rejects.toThrow(/0 bytes/);
      await expect(queue.send([{ body: 'x'.repeat(262_145) }])).rejects.toThrow(/262145 bytes/);
    });
  });

  describe('failures', () => {
    const databaseFile = (): string => join(clouds.dataDir, CLUSTER, 'cloud.db');
    const failure = (run: () => unknown): unknown => {
      try {
        return run();
      } catch (error) {
        return error;
      }
    };

    it('reports a file that is not a database', async () => {
      await clouds.open().close();
      await writeFile(databaseFile(), 'not a database at all, whatever its name says '.repeat(100));
      const error = failure(() => clouds.open());
      expect(error).toBeInstanceOf(ImgclsError);
      expect(error).toMatchObject({ kind: 'permanent', message: expect.stringContaining('damaged') });
    });

    it('reports a damaged page to the call that reads it, and by an inspection', async () => {
      const cloud = clouds.open();
      for (let n = 0; n < 500; n++) await cloud.output.put(`key-${n}`, Buffer.alloc(1000));
      await cloud.close();
      // Spoil all pages but the first, which has the schema.
      const { size } = await stat(databaseFile());
      const handle = await open(databaseFile(), 'r+');
      await handle.write(Buffer.alloc(size - 65_536, 0xff), 0, size - 65_536, 65_536);
      await handle.close();
      const damaged = { kind: 'permanent', hint: expect.stringContaining('Restore a backup') };
      const readAll = async () => await Array.fromAsync(clouds.open().output.list('key-'));
      await expect(readAll()).rejects.toMatchObject(damaged);
      const place = { dataDir: clouds.dataDir, cluster: CLUSTER };
      await expect(inspectLocalCloud(place, new AbortController().signal)).rejects.toMatchObject(damaged);
    });

    it('reports a folder of a newer imgcls', async () => {
      await clouds.open().close();
      const db = new DatabaseSync(databaseFile());
      db.exec('PRAGMA user_version = 99');
      db.close();
      expect(failure(() => clouds.open())).toMatchObject({ kind: 'permanent', hint: 'Update imgcls.' });
    });

    it('reports a data folder that is a file', async () => {
      const dataDir = join(clouds.dataDir, 'file');
      await writeFile(dataDir, '');
      const error = failure(() => createLocalCloud({ dataDir, cluster: CLUSTER }));
      expect(error).toMatchObject({ kind: 'permanent', hint: expect.stringContaining('IMGCLS_DATA_DIR') });
    });

    it('reports a busy database after its timeout when another program keeps it locked', async () => {
      const busyTimeoutMs = 300;
      const cloud = clouds.open({ busyTimeoutMs });
      await cloud.output.put('key', Buffer.from('before'));
      const db = new DatabaseSync(databaseFile());
      db.exec('BEGIN IMMEDIATE');
      const start = performance.now();
      const writing = expect(cloud.output.put('key', Buffer.from('x'))).rejects.toMatchObject({
        kind: 'transient',
        message: expect.stringContaining('another process has locked the database for too long'),
      });
      // Readers do not wait.
      expect(Buffer.from((await cloud.output.get('key')).body).toString()).toBe('before');
      await writing;
      const waitedMs = performance.now() - start;
      expect(waitedMs).toBeGreaterThanOrEqual(busyTimeoutMs);
      expect(waitedMs).toBeLessThan(5_000);
      db.exec('ROLLBACK');
      db.close();
      await cloud.output.put('key', Buffer.from('after'));
    });

    it('waits for a database that another program locks for a shorter time', async () => {
      const cloud = clouds.open();
      const db = new DatabaseSync(databaseFile());
      db.exec('BEGIN IMMEDIATE');
      let isReleased = false;
      const writing = cloud.output.put('key', Buffer.from('x')).then(() => isReleased);
      // After this read the first attempt of the write has failed.
      await cloud.output.head('key');
      isReleased = true;
      db.exec('ROLLBACK');
      db.close();
      expect(await writing).toBe(true);
    });

    it.each(['', '..', 'a/b', 'a\\b'])('refuses %j as the name of a cluster', (cluster) => {
      expect(failure(() => createLocalCloud({ dataDir: clouds.dataDir, cluster }))).toMatchObject({
        kind: 'config',
      });
    });

    it('rejects calls after close', async () => {
      const cloud = clouds.open();
      const queue = await cloud.queues.create('q');
      const waiting = expect(queue.receive({ ...receiveAll, waitMs: 20_000 })).rejects.toThrow(/is closed/);
      await cloud.close();
      await waiting;
      await expect(cloud.output.head('key')).rejects.toThrow(/is closed/);
      await expect(cloud.output.put('key', Buffer.from('x'))).rejects.toThrow(/is closed/);
    });
  });
});
