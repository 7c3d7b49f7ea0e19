/** A worker that is stopped while it waits for messages, on servers that lease messages to a poll whose caller has gone. */
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { labelByContent, linesOf, writeImages } from '../../e2e/plain-images.ts';
import { ForeignCluster, PAIRS } from '../cluster.ts';

/** Far longer than the test: a message that the stopped worker kept would not come again. */
const env = { ...labelByContent, IMGCLS_LEASE_SECONDS: '600' };

describe.each(PAIRS)('over $store and $queues', (pair) => {
  let cluster: ForeignCluster;
  beforeAll(async () => {
    cluster = await ForeignCluster.start(pair);
  });
  afterEach(() => cluster.stopAll());
  afterAll(() => cluster?.close());

  const upload = (folder: string, ...flags: string[]) =>
    cluster.imgcls(['upload', folder, ...flags], env).finished;

  /** A worker that has done a job, so it waits for the next one. */
  async function idleWorker() {
    const folder = path.join(cluster.dataDir, 'first');
    await writeImages(folder, 1);
    const worker = cluster.imgcls(['worker'], env);
    expect(await upload(folder)).toMatchObject({ code: 0 });
    return worker;
  }

  it('delivers every message at once, for the first time, after an idle worker has stopped', async () => {
    const leaving = await idleWorker();
    leaving.kill('SIGTERM');
    expect(await leaving.finished).toMatchObject({ code: 0 });
    const folder = path.join(cluster.dataDir, 'after');
    await writeImages(folder, 3);
    expect(await upload(folder, '--no-wait')).toMatchObject({ code: 0 });
    const [message] = await cluster.requests.receive({ max: 1, waitMs: 5_000, leaseMs: 1_000 });
    expect(message?.receiveCount).toBe(1);
    await cluster.requests.delete([message?.receipt ?? '']);
  });

  it('does a job that arrives while an idle worker stops', async () => {
    const leaving = await idleWorker();
    leaving.kill('SIGTERM');
    cluster.imgcls(['worker'], env);
    const folder = path.join(cluster.dataDir, 'meanwhile');
    const labels = await writeImages(folder, 3);
    const { code, stdout, stderr } = await upload(folder);
    expect(code, stderr).toBe(0);
    expect(linesOf(stdout)).toEqual([...labels].map(([name, label]) => `${name}, ${label}`));
    expect(await leaving.finished).toMatchObject({ code: 0 });
  });
});
