/** What is deleted is gone: no file of the data folder has a byte, a name or a label of it. */
import { hash, randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import { createJobClient } from '../../src/client/client.ts';
import type { Job } from '../../src/client/job.ts';
import type { Cloud } from '../../src/core/cloud/ports.ts';
import type { SearchIndex } from '../../src/core/cloud/search-index.ts';
import { createJob } from '../../src/core/job/job-record.ts';
import { imageKey, jobPrefix } from '../../src/core/job/keys.ts';
import { createLocalCloud } from '../../src/local/cloud.ts';
import { indexLedger } from '../../src/photos/find/index-ledger.ts';
import { DIGEST_BYTES } from '../../src/photos/find/piece.ts';
import { deleteJob } from '../../src/results/delete-job.ts';
import { expireImages } from '../../src/results/sweep.ts';
import type { Input } from '../../src/upload/inputs.ts';
import { putContent } from '../../src/upload/put-content.ts';
import { virtualClock } from '../unit/virtual-clock.ts';
import { Harness, MODEL } from './worker-harness.ts';

const SECRET = 'grandmother';
/** Bytes of images, and labels, as stub runners have them. Above 32 KB an image has a file. */
const small = (n: number) => `label:${SECRET} ${n}`;
const large = (n: number) => `label:${SECRET} ${n} `.padEnd(40_000, `${SECRET}.`);

let harness: Harness;
beforeEach(async () => {
  harness = await Harness.make();
});
afterEach(() => harness.release());

const submit = async (texts: readonly string[], cloud: Cloud = harness.cloud): Promise<Job> => {
  const client = createJobClient({
    cloud,
    clock: systemClock,
    random: Math.random,
    newId: ulid,
    readBucket: (name) => cloud.bucket(name),
    joinController: () => ({ failed: new AbortController().signal, leave: async () => {} }),
    concurrency: 4,
    maxImageBytes: 1e6,
  });
  async function* inputs(): AsyncGenerator<Input> {
    for (const [n, text] of texts.entries()) {
      const name = `${SECRET}/${n}.jpg`;
      yield { kind: 'bytes', name, source: name, bytes: Buffer.from(text, 'latin1') };
    }
  }
  const job = await client.submit(inputs(), { model: MODEL, topK: 1, wait: false });
  await job.submitted;
  return job;
};

/** The files of the data folder that contain the text or bytes, the write-ahead log and free pages of the database included. */
async function filesWith(text: string | Buffer): Promise<string[]> {
  const folder = path.join(harness.folder, 'test');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => path.join(parentPath, name));
  expect(files.length).toBeGreaterThan(0);
  const found: string[] = [];
  for (const file of files)
    if ((await readFile(file)).includes(text)) found.push(path.relative(folder, file));
  return found;
}

const texts = [...Array(40).keys()].map((n) => (n % 4 === 0 ? large(n) : small(n)));

describe('a deleted job', () => {
  it('leaves no byte, name or label in any file of the data folder', async () => {
    const { id } = await submit(texts);
    await harness.work({ maxImageBytes: 1e6 });
    expect(await filesWith(SECRET)).not.toEqual([]);
    const digests = texts.map((text) => hash('sha256', Buffer.from(text, 'latin1'), 'buffer'));
    expect(await filesWith(digests[0]?.toString('hex') ?? '')).not.toEqual([]);
    // A search keeps paths, labels and digests in an index.
    await indexLedger({ output: harness.cloud.output, search: harness.cloud.search as SearchIndex });
    const removed = await deleteJob(harness.cloud, id);
    expect(removed.objects).toBeGreaterThan(texts.length / 4);
    expect(await filesWith(SECRET)).toEqual([]);
    for (const digest of digests) {
      expect(await filesWith(digest.subarray(0, DIGEST_BYTES))).toEqual([]);
      expect(await filesWith(digest.toString('hex'))).toEqual([]);
    }
    expect(await Array.fromAsync(harness.cloud.input.list(''))).toEqual([]);
  });

  it('leaves nothing that was never classified either: its messages go with it', async () => {
    const { id } = await submit(texts);
    await deleteJob(harness.cloud, id);
    expect(await filesWith(SECRET)).toEqual([]);
    expect(await harness.requestsLeft()).toBe(0);
  });

  it('leaves nothing when it is deleted while a worker classifies its images', async () => {
    const gate = path.join(harness.folder, `open-${SECRET}`);
    const { id } = await submit([`wait:${gate}`, ...texts]);
    const worker = harness.start({ maxImageBytes: 1e6, idleExitMs: 100 });
    await harness.untilRunnersSaw(`wait:${gate}`);
    await deleteJob(harness.cloud, id);
    await writeFile(gate, '');
    await worker.summary;
    expect(await Array.fromAsync(harness.cloud.output.list(jobPrefix(id)))).toEqual([]);
    // The worker deleted what it wrote; its cloud overwrites that when it is closed.
    await harness.cloud.close();
    expect(await filesWith(SECRET)).toEqual([]);
  });

  it('leaves nothing when it is deleted while its images are uploaded', async () => {
    let stored = 0;
    const { input } = harness.cloud;
    const stopped = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const slow = new Proxy(input, {
      get: (target, name) =>
        name === 'put'
          ? async (...args: Parameters<typeof input.put>) => {
              if (++stored === 3) {
                stopped.resolve();
                await go.promise;
              }
              return await input.put(...args);
            }
          : Reflect.get(target, name)?.bind?.(target),
    });
    const submitting = submit(texts, { ...harness.cloud, input: slow }).catch(() => {});
    await stopped.promise;
    const ids = await Array.fromAsync(harness.cloud.output.listFolders('jobs/'));
    const id = ids.find((each) => each !== harness.job) ?? '';
    await deleteJob(harness.cloud, id);
    go.resolve();
    await submitting;
    expect(await filesWith(SECRET)).toEqual([]);
  });

  it('keeps the images that another job uses, and the last of those jobs takes them along', async () => {
    const [first, second] = [await submit(texts), await submit(texts)];
    await deleteJob(harness.cloud, first.id);
    await harness.work({ maxImageBytes: 1e6 });
    const outcomes = await Array.fromAsync(second.results());
    expect(outcomes).toHaveLength(texts.length);
    expect(outcomes.filter((outcome) => 'error' in outcome)).toEqual([]);
    await deleteJob(harness.cloud, second.id);
    expect(await Array.fromAsync(harness.cloud.input.list(''))).toEqual([]);
  });
});

describe('an image that an upload uses again', () => {
  it('is not lost to a job that is deleted at the same time', async () => {
    const others = [0, 1].map(() => createLocalCloud({ dataDir: harness.folder, cluster: 'test' }));
    const [uploads, removals] = others as [Cloud, Cloud];
    const body = randomBytes(1000);
    const content = { sha256: 'ab'.repeat(32), body };
    const put = ({ input }: Cloud, forJob: string) =>
      putContent(content, { input, clock: systemClock, forJob });
    for (let round = 0; round < 50; round++) {
      await put(removals, `old-${round}`);
      await Promise.all([removals.forget?.(`old-${round}`), put(uploads, `new-${round}`)]);
      expect((await uploads.input.get(imageKey(content.sha256))).body).toEqual(new Uint8Array(body));
      await removals.forget?.(`new-${round}`);
      expect(await uploads.input.head(imageKey(content.sha256))).toBeUndefined();
    }
    await Promise.all(others.map((cloud) => cloud.close()));
  });
});

describe('a controller', () => {
  const DAY_MS = 24 * 3_600_000;
  const never = new AbortController().signal;

  it('deletes images after 30 days, but not while an unfinished job needs them', async () => {
    const clock = virtualClock(Date.UTC(2026, 0, 1));
    const cloud = createLocalCloud({ dataDir: harness.folder, cluster: 'aged', clock });
    const { run } = expireImages(cloud, clock);
    const reports: string[] = [];
    const expire = () => run(never, ({ text }) => reports.push(text));
    await cloud.input.put(imageKey('ab'.repeat(32)), randomBytes(40_000));
    const job = {
      v: 1 as const,
      id: ulid(),
      createdAtMs: clock.nowMs(),
      inputs: [],
      include: [],
      exclude: [],
    };
    clock.advance(29 * DAY_MS);
    await expire();
    await createJob(cloud.output, { ...job, state: 'open', topK: 1, model: MODEL });
    clock.advance(2 * DAY_MS);
    await expire();
    expect(reports).toEqual([]);
    await deleteJob(cloud, job.id);
    await expire();
    expect(reports).toEqual(['Deleted 1 expired image.']);
    expect(await Array.fromAsync(cloud.input.list(''))).toEqual([]);
    await cloud.close();
  });
});
