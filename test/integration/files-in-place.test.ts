/** Photographs of this machine, which are read where they are: from their submission to outcomes and retries. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, open, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import { createAwsCloud } from '../../src/aws/cloud.ts';
import { createJobClient } from '../../src/client/client.ts';
import type { Job } from '../../src/client/job.ts';
import { FILES_BUCKET } from '../../src/core/cloud/files-in-place.ts';
import type { Cloud } from '../../src/core/cloud/ports.ts';
import type { JobRecord, ManifestEntry } from '../../src/core/job/job.ts';
import { isError, type Outcome } from '../../src/core/model/outcome.ts';
import { Budget } from '../../src/core/runtime/budget.ts';
import type { FilePath, Input } from '../../src/upload/inputs.ts';
import { manifestOf } from '../../src/upload/resume.ts';
import { downloadImage, locate } from '../../src/worker/messages/download.ts';
import { asNobody } from './as-nobody.ts';
import { gist, Harness, MODEL } from './worker-harness.ts';

let harness: Harness;
let photos: string;
beforeEach(async () => {
  harness = await Harness.make();
  photos = path.join(harness.folder, 'photos');
  await mkdir(path.join(photos, 'sub'), { recursive: true });
});
afterEach(() => harness.release());

const client = (localFiles: JobRecord['localFiles'] = 'in-place') =>
  createJobClient({
    cloud: harness.cloud,
    clock: systemClock,
    random: Math.random,
    newId: ulid,
    readBucket: (name) => harness.cloud.bucket(name),
    joinController: () => ({ failed: new AbortController().signal, leave: async () => {} }),
    concurrency: 4,
    maxImageBytes: 1e8,
    localFiles,
  });

async function submit(
  inputs: string[] | AsyncIterable<Input>,
  localFiles?: JobRecord['localFiles'],
): Promise<Job> {
  const job = await client(localFiles).submit(inputs, { model: MODEL, topK: 1, wait: true });
  await job.submitted;
  return job;
}

async function outcomesOf(job: Job | undefined): Promise<Outcome[]> {
  const worker = harness.start({ maxImageBytes: 1e8 });
  const outcomes = await Array.fromAsync(job?.outcomes() ?? []);
  worker.drain.abort();
  await worker.summary;
  return outcomes;
}

const entriesOf = (job: Job, attempt = 1): Promise<ManifestEntry[]> =>
  Array.fromAsync(manifestOf(harness.cloud.output, { id: job.id, attempt }));
const storedImages = () => Array.fromAsync(harness.cloud.input.list(''));
const messages = (outcomes: readonly Outcome[]) =>
  outcomes.map((outcome) => (isError(outcome) ? outcome.error.message : ''));

const file = (name: string, text: string) => writeFile(path.join(photos, name), text);
async function* files(...paths: FilePath[]): AsyncGenerator<Input> {
  for (const each of paths) yield { kind: 'file', name: 'a.jpg', source: 'a.jpg', path: each };
}

const downloadOptions = (cloud: Cloud) => ({
  cloud,
  maxImageBytes: 1e6,
  memory: new Budget(1e6),
  connections: new Budget(1),
  clock: systemClock,
  random: Math.random,
  signal: new AbortController().signal,
});

describe('a folder of this machine', () => {
  it('is labelled and nothing of it is stored, however large its images are', async () => {
    const sizes = { 'a.jpg': 100, 'b.jpg': 100_000, 'c.jpg': 2_000_000, 'sub/d.jpg': 9_000_000 };
    for (const [name, bytes] of Object.entries(sizes)) await file(name, `label:${name}`.padEnd(bytes));
    const job = await submit([photos]);
    expect(gist(await outcomesOf(job)).map((label) => label.trimEnd())).toEqual(Object.keys(sizes));
    expect(await storedImages()).toEqual([]);
    expect(await entriesOf(job)).toMatchObject(
      Object.entries(sizes).map(([name, bytes]) => ({ name, bytes, key: path.join(photos, name) })),
    );
  });

  it('may be given by a path through a link, and by a relative one', async () => {
    await symlink(path.join(photos, 'sub'), path.join(harness.folder, 'link'));
    await file('a.jpg', 'label:a');
    // Behind the link, `..` is the folder of its target.
    const through = `${harness.folder}/link/../a.jpg`;
    const job = await submit(files(through, path.relative(process.cwd(), path.join(photos, 'a.jpg'))));
    expect(gist(await outcomesOf(job))).toEqual(['a', 'a']);
    expect(await storedImages()).toEqual([]);
  });

  it.each(['in-place', 'copy'] as const)(
    'may be the parent of a link, also in a retry (%s)',
    async (kept) => {
      await symlink(path.join(photos, 'sub'), path.join(harness.folder, 'link'));
      await writeFile(path.join(harness.folder, 'a.jpg'), 'label:beside the link');
      await file('a.jpg', 'bad');
      const job = await submit([`${harness.folder}/link/..`], kept);
      expect(gist(await outcomesOf(job))).toEqual(['not_an_image']);
      await file('a.jpg', 'label:a');
      expect(gist(await outcomesOf(await client().retry(job.id, { wait: true })))).toEqual(['a']);
    },
  );

  it('is copied with --copy: the files may be moved at once', async () => {
    await file('a.jpg', 'label:a');
    await file('b.jpg', 'label:b'.padEnd(50_000));
    const job = await submit([photos], 'copy');
    await rm(photos, { recursive: true });
    expect(gist(await outcomesOf(job)).map((label) => label.trimEnd())).toEqual(['a', 'b']);
  });

  it('is copied again by a retry of a job with --copy', async () => {
    await file('a.jpg', 'bad');
    const job = await submit([photos], 'copy');
    expect(gist(await outcomesOf(job))).toEqual(['not_an_image']);
    await file('a.jpg', 'label:a');
    const again = await client().retry(job.id, { wait: true });
    await again?.submitted;
    await rm(photos, { recursive: true });
    expect(gist(await outcomesOf(again))).toEqual(['a']);
  });

  it('is copied where a key cannot have the path of a file, or only this process has the file', async () => {
    await file('opened.jpg', 'label:opened');
    const opened = await open(path.join(photos, 'opened.jpg'));
    const notUtf8 = Buffer.concat([Buffer.from(`${photos}/`), Buffer.from([0xff])]);
    await writeFile(notUtf8, 'label:not UTF-8');
    const deep = path.join(photos, ...Array.from({ length: 5 }, () => 'x'.repeat(250)));
    await mkdir(deep, { recursive: true });
    await writeFile(path.join(deep, 'a.jpg'), 'label:long');
    const job = await submit(files(notUtf8, path.join(deep, 'a.jpg'), `/proc/self/fd/${opened.fd}`));
    await opened.close();
    expect(gist(await outcomesOf(job))).toEqual(['not UTF-8', 'long', 'opened']);
    expect((await entriesOf(job)).map((entry) => 'bucket' in entry && entry.bucket)).toEqual(
      Array(3).fill(harness.cloud.input.bucket),
    );
  });
});

describe('a file that differs from what was submitted', () => {
  const a = () => path.join(photos, 'a.jpg');
  const changes = {
    'that was written over': () => writeFile(a(), 'label:b'),
    'that was written over, with its old time of modification': async () => {
      const { atime, mtime } = await stat(a());
      await writeFile(a(), 'label:b');
      await utimes(a(), atime, mtime);
    },
    'whose place a link to another file took': async () => {
      await writeFile(path.join(harness.folder, 'secret'), 'label:s');
      await rm(a());
      await symlink(path.join(harness.folder, 'secret'), a());
    },
  };

  it.each(Object.entries(changes))('%s is changed, and a retry labels it as it is', async (_, change) => {
    await file('a.jpg', 'label:a');
    const job = await submit([photos]);
    await change();
    const outcomes = await outcomesOf(job);
    expect(gist(outcomes)).toEqual(['changed']);
    expect(messages(outcomes)).toEqual([expect.stringContaining('A retry labels it as it is now.')]);
    const again = await client().retry(job.id, { wait: true });
    expect(gist(await outcomesOf(again))).toEqual([expect.stringMatching(/^[bs]$/)]);
    expect(await storedImages()).toEqual([]);
  });

  it.each([
    ['was moved', async () => await rename(a(), path.join(harness.folder, 'b.jpg'))],
    ['became a folder', async () => await rm(a()).then(() => mkdir(a()))],
    ['became a pipe', async () => await rm(a()).then(() => void execFileSync('mkfifo', [a()]))],
  ])('and %s is missing, also in a retry', async (_, change) => {
    await file('a.jpg', 'label:a');
    const job = await submit([photos]);
    await change();
    const outcomes = await outcomesOf(job);
    expect(gist(outcomes)).toEqual(['missing']);
    expect(messages(outcomes)).toEqual([expect.stringContaining('--copy')]);
    expect(gist(await outcomesOf(await client().retry(job.id, { wait: true })))).toEqual(['missing']);
  });

  it('only in its times is labelled', async () => {
    await file('a.jpg', 'label:a');
    const job = await submit([photos]);
    await utimes(a(), 0, 0);
    expect(gist(await outcomesOf(job))).toEqual(['a']);
  });

  it('and that the worker may not read is unreadable, with advice', async () => {
    await writeFile(a(), 'label:a', { mode: 0o600 });
    const sha256 = createHash('sha256').update('label:a').digest('hex');
    const options = downloadOptions(harness.cloud);
    await asNobody(async () => {
      const found = await downloadImage({ bucket: FILES_BUCKET, key: a(), sha256 }, options);
      expect(found).toMatchObject({
        error: { code: 'unreadable', message: expect.stringMatching(/permission denied.*--copy/) },
      });
    });
  });

  it.runIf(process.platform === 'linux')('and that its disk cannot read is unreadable', async () => {
    // Like a file with a bad sector: it opens, and no byte of it can be read.
    const image = { bucket: FILES_BUCKET, key: '/proc/self/mem', sha256: 'ab'.repeat(32) };
    const found = await downloadImage(image, downloadOptions(harness.cloud));
    expect(found).toMatchObject({
      error: { code: 'unreadable', message: expect.stringContaining('input/output error of the disk') },
    });
  });
});

describe('a path of this machine', () => {
  it('is not read for an image that a caller uploaded under such a name', async () => {
    async function* upload(): AsyncGenerator<Input> {
      const name = path.join(photos, 'a.jpg');
      yield { kind: 'bytes', name, source: name, bytes: Buffer.from('bad') };
    }
    await file('a.jpg', 'label:secret');
    const job = await submit(upload());
    expect(gist(await outcomesOf(job))).toEqual(['not_an_image']);
    const again = await client().retry(job.id, { wait: true });
    expect(gist(await outcomesOf(again))).toEqual(['not_an_image']);
  });

  it.each(['object', 'stored'] as const)(
    'cannot be passed as the key of an input of kind %s',
    async (kind) => {
      async function* named(): AsyncGenerator<Input> {
        const place = { name: 'a.jpg', source: 'a.jpg', bucket: FILES_BUCKET, key: '/etc/passwd', bytes: 1 };
        yield kind === 'object' ? { ...place, kind, etag: 'e' } : { ...place, kind, sha256: 'ab'.repeat(32) };
      }
      await expect(submit(named())).rejects.toThrow('/etc/passwd is a file of this machine, not an object.');
    },
  );
});

describe('a message on AWS that names a file', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('is a question to S3: nothing is read, and the image gets an error', async () => {
    const asked: string[] = [];
    const s3 = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.writeHead(404, { 'content-type': 'application/xml' });
      response.end('<Error><Code>NoSuchBucket</Code><Message>There is no such bucket.</Message></Error>');
    });
    await once(s3.listen(0, '127.0.0.1'), 'listening');
    const { port } = s3.address() as AddressInfo;
    vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${port}`);
    vi.stubEnv('AWS_REGION', 'eu-west-1');
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
    const cloud = createAwsCloud({ cluster: 'test', inputBucket: 'in', outputBucket: 'out' });
    const options = downloadOptions(cloud);
    const secret = { bucket: FILES_BUCKET, key: '/etc/passwd' };
    expect(await locate({ ...secret, sha256: 'ab'.repeat(32) }, options)).toBeUndefined();
    expect(await downloadImage(secret, options)).toMatchObject({ error: { code: 'unreadable' } });
    expect(asked.every((url) => url.startsWith('/file'))).toBe(true);
    await cloud.close();
    s3.close();
  });
});
