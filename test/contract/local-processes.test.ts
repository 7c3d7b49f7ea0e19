/** The embedded cloud, shared by several processes. */
import { randomBytes } from 'node:crypto';
import { readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { processesOfThisMachine } from '../../src/scaler/drivers/processes.ts';
import { CLUSTER, makeClouds, type TestClouds } from './local-cloud.ts';
import { isWhole } from './sealed-body.ts';
import { until } from './until.ts';

/** The files with the bytes of larger objects. */
async function blobFiles(dataDir: string): Promise<string[]> {
  const entries = await readdir(join(dataDir, CLUSTER, 'objects'), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

describe('embedded cloud: several processes', () => {
  let clouds: TestClouds;
  beforeEach(async () => {
    clouds = await makeClouds();
  });
  afterEach(() => clouds.release());

  it('wakes a waiting receiver within 50 ms of a send by another process', async () => {
    const queue = await clouds.open().queues.create('q');
    const sender = clouds.start('send', 'q');
    await sender.message();
    const delays: number[] = [];
    for (let n = 0; n < 15; n++) {
      const waiting = queue.receive({ max: 1, waitMs: 20_000, leaseMs: 60_000 });
      // A later read has completed, so the receiver waits. Send at a different phase of its 5 ms poll each time.
      await queue.depth();
      await new Promise((resolve) => setTimeout(resolve, n));
      sender.send('now');
      const [message] = await waiting;
      delays.push(performance.timeOrigin + performance.now() - Number(message?.body));
      await queue.delete([message?.receipt ?? '']);
    }
    const median = delays.sort((a, b) => a - b)[7];
    expect(median).toBeLessThan(50);
  });

  it('uses little CPU while it waits', async () => {
    const queue = await clouds.open().queues.create('q');
    const before = process.cpuUsage();
    await queue.receive({ max: 1, waitMs: 2_000, leaseMs: 60_000 });
    const { user, system } = process.cpuUsage(before);
    // 5 % of a core, most of it used by the test runner.
    expect((user + system) / 1_000).toBeLessThan(100);
  });

  it('counts to 4,000 when 8 processes add 500 each, by If-Match', async () => {
    const { output } = clouds.open();
    await output.put('counter', Buffer.from('0'));
    const children = Array.from({ length: 8 }, () => clouds.start('increment', '500'));
    await Promise.all(children.map((child) => child.ended()));
    expect(Buffer.from((await output.get('counter')).body).toString()).toBe('4000');
  });

  it('lets processes that start at the same time create the data folder', async () => {
    const children = Array.from({ length: 6 }, () => clouds.start('consume', 'none'));
    for (const child of children) expect(await child.message()).toBe('ready');
  });

  it('delivers each message to one of 4 processes, and starves none of them', async () => {
    const queue = await clouds.open().queues.create('q');
    const sent: string[] = [];
    const send = async (count: number) => {
      const bodies = Array.from({ length: count }, (_, n) => `message ${sent.length + n}`);
      await queue.send(bodies.map((body) => ({ body })));
      sent.push(...bodies);
    };
    await send(2_000);
    const consumers = Array.from({ length: 4 }, () => clouds.start('consume', 'q', '100'));
    for (const consumer of consumers) await consumer.message();
    for (const consumer of consumers) consumer.send('go');
    // The system may run one of them later than the others. They compete until each has had its hundred.
    await until('each has had 100 messages', async () => {
      if (consumers.every(({ messages }) => messages.length > 1)) return true;
      if ((await queue.depth()).waiting < 1_000) await send(500);
      return undefined;
    });
    await until('all messages are acknowledged', async () => {
      const { waiting, inFlight } = await queue.depth();
      return waiting + inFlight === 0 ? true : undefined;
    });
    for (const consumer of consumers) consumer.send('stop');
    const parts = await Promise.all(
      consumers.map(async (consumer) => (await consumer.message(2)) as string[]),
    );
    expect(parts.flat().sort()).toEqual(sent.sort());
  });

  it('redelivers the messages of a process when it is killed, and not while it is alive', async () => {
    const queue = await clouds.open({ processes: processesOfThisMachine() }).queues.create('q');
    await queue.send([{ body: 'a' }, { body: 'b' }]);
    const holder = clouds.start('hold', 'q');
    expect(await holder.message()).toBe(2);
    expect(await queue.receive({ max: 10, waitMs: 0, leaseMs: 60_000 })).toEqual([]);
    const waiting = queue.receive({ max: 10, waitMs: 20_000, leaseMs: 60_000 });
    await holder.kill();
    expect((await waiting).map(({ receiveCount }) => receiveCount)).toEqual([2, 2]);
  });

  it('loses and damages nothing when a writer is killed at any moment', async () => {
    const cloud = clouds.open();
    const queue = await cloud.queues.create('q');
    const announced: string[] = [];
    for (let round = 0; round < 8; round++) {
      const writer = clouds.start('write', 'q', `writer-${round}`);
      await writer.message(2 + round * 6);
      await writer.kill();
      announced.push(...(writer.messages as string[]));
    }
    expect(announced.length).toBeGreaterThan(50);

    const keys = new Set<string>();
    for await (const { key, bytes } of cloud.output.list('')) {
      const { info, body } = await cloud.output.get(key);
      expect(body.byteLength).toBe(bytes);
      expect(info.bytes).toBe(bytes);
      expect(isWhole(body), `object ${key} is whole`).toBe(true);
      keys.add(key);
    }
    for (const key of announced) expect(keys.has(key), `object ${key} exists`).toBe(true);

    const received = new Set<string>();
    for (;;) {
      const got = await queue.receive({ max: 10, waitMs: 0, leaseMs: 60_000 });
      if (got.length === 0) break;
      for (const { body } of got) received.add(body);
    }
    for (const key of announced) expect(received.has(key), `message ${key} exists`).toBe(true);
  });

  it('deletes old files that a killed writer left incomplete', async () => {
    const cloud = clouds.open();
    await cloud.output.put('kept', randomBytes(100_000));
    const [kept] = await blobFiles(clouds.dataDir);
    const orphan = (name: string): string => join(kept ?? '', '..', name);
    await writeFile(orphan('old'), 'half an obj');
    await writeFile(orphan('new'), 'perhaps still being written');
    const yesterday = new Date(Date.now() - 86_400_000);
    await utimes(orphan('old'), yesterday, yesterday);
    await utimes(kept ?? '', yesterday, yesterday);
    await cloud.close();
    expect((await blobFiles(clouds.dataDir)).sort()).toEqual([kept, orphan('new')].sort());
  });

  it('deletes the files of replaced and deleted objects', async () => {
    const cloud = clouds.open();
    for (let n = 0; n < 3; n++) await cloud.output.put('replaced', randomBytes(100_000));
    await cloud.output.put('shrunk', randomBytes(100_000));
    await cloud.output.put('shrunk', randomBytes(10));
    await cloud.output.put('deleted', randomBytes(100_000));
    await cloud.output.delete(['deleted']);
    await cloud.close();
    expect(await blobFiles(clouds.dataDir)).toHaveLength(1);
  });
});
