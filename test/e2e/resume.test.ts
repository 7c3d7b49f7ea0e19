import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/bench/random.ts';
import type { Cloud } from '../../src/core/cloud/ports.ts';
import { FIRST_ATTEMPT } from '../../src/core/job/job.ts';
import { cancelJob, readJob } from '../../src/core/job/job-record.ts';
import { announcedKey, JOBS_PREFIX } from '../../src/core/job/keys.ts';
import { listParts, readPart } from '../../src/core/job/manifest.ts';
import { createLocalCloud } from '../../src/local/cloud.ts';
import { partSize } from '../../src/upload/plan.ts';
import {
  type InstalledPackage,
  inDataDir,
  installPackage,
  processesOf,
  type Running,
  repository,
  start,
} from './package.ts';

const samples = path.join(repository, 'samples');
const runner = path.join(import.meta.dirname, 'children', 'counting-runner.ts');

let installed: InstalledPackage;
beforeAll(async () => {
  installed = await installPackage();
});
afterAll(() => installed.remove());

/** Writes distinct small files into subfolders. @returns their sha256 by name, in the order of their names. */
async function makeImages(folder: string, count: number): Promise<Map<string, string>> {
  const expected = new Map<string, string>();
  for (let index = 0; index < count; index++) {
    const name = `${String(index % 10)}/${String(index).padStart(5, '0')}.jpg`;
    if (index < 10) await mkdir(path.join(folder, String(index)), { recursive: true });
    const content = `image ${index}`.repeat(100);
    await writeFile(path.join(folder, name), content);
    expected.set(name, createHash('sha256').update(content).digest('hex'));
  }
  return new Map([...expected].sort(([a], [b]) => (a < b ? -1 : 1)));
}

const open = (dataDir: string): Cloud => createLocalCloud({ dataDir, cluster: 'default' });

async function withCloud<T>(dataDir: string, act: (cloud: Cloud) => Promise<T>): Promise<T> {
  const cloud = open(dataDir);
  try {
    return await act(cloud);
  } finally {
    await cloud.close();
  }
}

const jobsOf = (dataDir: string) =>
  withCloud(dataDir, (cloud) => Array.fromAsync(cloud.output.listFolders(JOBS_PREFIX)));

/** The job of a submitter, once its record names that process. */
const beginning = (dataDir: string, { pid }: Running) =>
  withCloud(dataDir, async ({ output }) => {
    let found = '';
    const submitterOf = async () => {
      [found = ''] = await Array.fromAsync(output.listFolders(JOBS_PREFIX));
      return found === '' ? undefined : (await readJob(output, found)).submitter?.pid;
    };
    await expect.poll(submitterOf, { interval: 5, timeout: 60_000 }).toBe(pid);
    return found;
  });

/** Waits until so many images of a job are in its manifest. */
const inManifest = (dataDir: string, job: string, count: number) =>
  withCloud(dataDir, async ({ output }) => {
    const images = async () => {
      const parts = await listParts(output, job, FIRST_ATTEMPT);
      return parts.reduce((sum, { part }) => sum + partSize(part), 0);
    };
    await expect.poll(images, { interval: 5, timeout: 60_000 }).toBeGreaterThan(count);
  });

/** Versions (ETags) of the stored images. Storing an image again changes its version. */
const storedImages = (dataDir: string) =>
  withCloud(dataDir, async (cloud) => {
    const etags = new Map<string, string>();
    for await (const { key, etag } of cloud.input.list('images/')) etags.set(key, etag);
    return etags;
  });

/** Images in the manifest that were not yet marked as announced when the submitter was killed. */
const halfAnnounced = (dataDir: string, job: string) =>
  withCloud(dataDir, async ({ output }) => {
    let images = 0;
    for (const { isAnnounced, ...place } of await listParts(output, job, FIRST_ATTEMPT))
      if (!isAnnounced) images += (await readPart(output, job, place)).length;
    return images;
  });

describe('an upload whose submitter is killed at any moment', () => {
  it.each([
    { how: 'each image read in place', KILLS: 10, IMAGES: 8000, files: 'in-place', packBelow: 32_768 },
    { how: 'each image stored once', KILLS: 3, IMAGES: 3000, files: 'copy', packBelow: 0 },
    { how: 'packs of small images', KILLS: 3, IMAGES: 3000, files: 'copy', packBelow: 32_768 },
  ])(
    'ends with one outcome per image after $KILLS kills and resumes, $how',
    async ({ KILLS, IMAGES, files, packBelow }) => {
      const dataDir = await installed.dataDir();
      const folder = path.join(dataDir, 'photos');
      const expected = await makeImages(folder, IMAGES);
      const log = path.join(dataDir, 'classified.txt');
      const env = {
        IMGCLS_RUNNER_ENTRY: runner,
        IMGCLS_TEST_RUNNER_LOG: log,
        IMGCLS_TEST_IMAGES_PER_SECOND: '1600',
        IMGCLS_LOCAL_FILES: files,
        IMGCLS_PACK_BELOW_BYTES: String(packBelow),
        IMGCLS_CONCURRENCY: '1',
      };
      const random = new Random(20);
      const etags = new Map<string, string>();
      let job: string | undefined;
      let inFlight = 0;
      const stored: number[] = [];
      for (let kills = 0; kills < KILLS; kills++) {
        const args = job === undefined ? ['upload', 'photos'] : ['resume', job];
        const running = start(installed.bin, dataDir, args, env);
        const opened = await beginning(dataDir, running);
        // Once in each share of the upload, the last one excepted, at a moment of chance.
        await inManifest(dataDir, opened, ((kills + random.next()) * IMAGES) / (KILLS + 1));
        await wait(random.below(50));
        running.kill('SIGKILL');
        expect(await running.finished, 'it was killed while it worked').toMatchObject({ signal: 'SIGKILL' });
        job ??= opened;
        inFlight += await halfAnnounced(dataDir, job);
        for (const [key, etag] of await storedImages(dataDir)) {
          expect(etags.get(key) ?? etag, `${key} is stored once`).toBe(etag);
          etags.set(key, etag);
        }
        stored.push(etags.size);
      }
      const { code, stdout, stderr } = await start(
        installed.bin,
        dataDir,
        ['resume', job ?? '', '--format', 'ndjson'],
        env,
      ).finished;
      expect(code, stderr).toBe(0);
      const outcomes = stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(outcomes.map(({ index }) => index)).toEqual(Array.from({ length: IMAGES }, (_, index) => index));
      expect(new Map(outcomes.map(({ name, label }) => [name, label]))).toEqual(expected);
      for (const [key, etag] of await storedImages(dataDir)) expect(etags.get(key) ?? etag).toBe(etag);
      const classified = (await readFile(log, 'utf8')).trimEnd().split('\n');
      expect(new Set(classified).size).toBe(IMAGES);
      const twice = classified.length - IMAGES;
      console.log(
        `Images stored at each kill: ${stored.join(', ')}. Classified twice: ${twice}. Half announced: ${inFlight}.`,
      );
      expect(twice).toBeLessThanOrEqual(inFlight);
      expect(await withCloud(dataDir, ({ output }) => readJob(output, job ?? ''))).toMatchObject({
        state: 'finished',
        total: IMAGES,
      });
      await expect.poll(() => processesOf(dataDir), { timeout: 60_000, interval: 500 }).toEqual([]);
    },
  );
});

describe('an interrupted upload', () => {
  const ndjson = (text: string) =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));

  /** Starts an upload of a longer list and kills it after a few images. @returns the job id. */
  async function interruptUpload(dataDir: string, images: readonly string[]): Promise<string> {
    const running = startList(dataDir, ['upload', '-']);
    running.stdin.write(`${images.join('\n')}\n`);
    const job = await announced(dataDir);
    running.kill('SIGKILL');
    await once(running, 'close');
    return job;
  }

  /** Waits for the first part of the only job. @returns its id. */
  async function announced(dataDir: string): Promise<string> {
    await expect.poll(() => jobsOf(dataDir).catch(() => []), { timeout: 60_000 }).toHaveLength(1);
    const [job = ''] = await jobsOf(dataDir);
    await expect
      .poll(() => withCloud(dataDir, ({ output }) => listParts(output, job, FIRST_ATTEMPT)), {
        timeout: 60_000,
      })
      .toMatchObject([{ isAnnounced: true }]);
    return job;
  }

  const startList = (dataDir: string, args: string[]) =>
    spawn(process.execPath, [installed.bin, ...args], {
      env: { ...process.env, ...inDataDir(dataDir) },
      cwd: samples,
      stdio: ['pipe', 'pipe', 'pipe'],
    });

  it('is resumed from a list on standard input, which may start from the beginning', async () => {
    const dataDir = await installed.dataDir();
    const job = await interruptUpload(dataDir, ['cat.jpg', 'coffee.jpg']);
    const waited = await start(installed.bin, dataDir, ['results', job.slice(0, 12).toLowerCase(), '--wait'])
      .finished;
    expect(waited, 'waiting would never end').toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`hint: Run "imgcls resume ${job}" to continue.`),
    });
    const status = await start(installed.bin, dataDir, ['status']).finished;
    expect(status.stdout).toMatch(new RegExp(`${job} +interrupted +`));
    const soFar = await start(installed.bin, dataDir, ['results', job]).finished;
    expect(soFar.code).toBe(1);
    expect(soFar.stderr).toContain(`Its upload was interrupted. Run "imgcls resume ${job}" to continue.`);
    const resumed = startList(dataDir, ['resume', job, '--format', 'ndjson']);
    resumed.stdin.end('cat.jpg\ncoffee.jpg\nmountains.jpg\n');
    const [stdout] = await Promise.all([text(resumed.stdout), once(resumed, 'close')]);
    expect(ndjson(stdout).map(({ index, name }) => [index, name])).toEqual([
      [0, 'cat.jpg'],
      [1, 'coffee.jpg'],
      [2, 'mountains.jpg'],
    ]);
  });

  it('prints how to continue when it is interrupted', async () => {
    const dataDir = await installed.dataDir();
    const running = startList(dataDir, ['upload', '-']);
    running.stdin.write('cat.jpg\n');
    await announced(dataDir);
    running.kill('SIGINT');
    const [stderr] = await Promise.all([text(running.stderr), once(running, 'close')]);
    expect(stderr).toMatch(
      /^Interrupted\.\nhint: Run "imgcls resume \w{26}" to continue\. It submits only the missing images\.\n$/m,
    );
  });

  it('cannot be resumed by two processes at the same time', async () => {
    const dataDir = await installed.dataDir();
    const job = await interruptUpload(dataDir, ['cat.jpg']);
    const partsAre = (expected: { isAnnounced: boolean }[]) =>
      expect
        .poll(() => withCloud(dataDir, ({ output }) => listParts(output, job, FIRST_ATTEMPT)), {
          timeout: 60_000,
        })
        .toMatchObject(expected);
    // As if the submitter was killed before it marked the part: whoever resumes has read the manifest when he marks it.
    await withCloud(dataDir, ({ output }) =>
      output.delete([announcedKey(job, { attempt: FIRST_ATTEMPT, part: 0 })]),
    );
    const second = startList(dataDir, ['resume', job, '--no-wait']);
    await partsAre([{ isAnnounced: true }]);
    const first = startList(dataDir, ['resume', job, '--no-wait']);
    first.stdin.write('cat.jpg\ncoffee.jpg\n');
    await partsAre([{ isAnnounced: true }, { isAnnounced: true }]);
    second.stdin.end('cat.jpg\nmountains.jpg\nrocket.jpg\n');
    const [stderr, [code]] = await Promise.all([text(second.stderr), once(second, 'close')]);
    first.stdin.end();
    await once(first, 'close');
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringMatching(/Another process/) });
    const { stdout } = await start(installed.bin, dataDir, ['results', job, '--wait']).finished;
    expect(stdout.trimEnd().split('\n')).toHaveLength(2);
  });

  it('is not resumed when it was cancelled', async () => {
    const dataDir = await installed.dataDir();
    const job = await interruptUpload(dataDir, ['cat.jpg']);
    await withCloud(dataDir, ({ output }) => cancelJob(output, job));
    const { code, stderr } = await start(installed.bin, dataDir, ['resume', job]).finished;
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringMatching(/was cancelled/) });
  });
});

describe('a retry', () => {
  it('classifies only the failed images, from their files as they are now', async () => {
    const dataDir = await installed.dataDir();
    const folder = path.join(dataDir, 'photos');
    await mkdir(folder);
    await copyFile(path.join(samples, 'cat.jpg'), path.join(folder, 'a.jpg'));
    await writeFile(path.join(folder, 'b.jpg'), 'not yet an image');
    await copyFile(path.join(samples, 'coffee.jpg'), path.join(folder, 'c.jpg'));
    await writeFile(path.join(folder, 'd.jpg'), 'no image at all');
    const upload = await start(installed.bin, dataDir, ['upload', 'photos']).finished;
    expect(upload.code, upload.stderr).toBe(3);
    const job = /job (\w{26})/.exec(upload.stderr)?.[1] ?? '';

    await copyFile(path.join(samples, 'rocket.jpg'), path.join(folder, 'b.jpg'));
    const retried = await start(installed.bin, dataDir, ['retry', job]).finished;
    expect(retried).toMatchObject({ code: 3, stdout: 'b.jpg, missile\nd.jpg, error: not_an_image\n' });
    const results = await start(installed.bin, dataDir, ['results', job]).finished;
    expect(results.code).toBe(3);
    expect(results.stdout).toBe(upload.stdout.replace('b.jpg, error: not_an_image', 'b.jpg, missile'));

    await copyFile(path.join(samples, 'tripod.png'), path.join(folder, 'd.jpg'));
    const again = await start(installed.bin, dataDir, ['retry', job]).finished;
    expect(again).toMatchObject({ code: 0, stdout: 'd.jpg, tripod\n' });
    const none = await start(installed.bin, dataDir, ['retry', job]).finished;
    expect(none).toMatchObject({
      code: 0,
      stdout: '',
      stderr: `Job ${job} has no failed images.\n`,
    });
  });

  it('reads files relative to the folder they were submitted from', async () => {
    const dataDir = await installed.dataDir();
    const [there, elsewhere] = [path.join(dataDir, 'there'), path.join(dataDir, 'elsewhere')];
    await mkdir(there);
    await mkdir(elsewhere);
    await writeFile(path.join(there, 'a.jpg'), 'no image');
    await copyFile(path.join(samples, 'cat.jpg'), path.join(elsewhere, 'a.jpg'));
    const inFolder = (folder: string, ...args: string[]) =>
      new Promise<string>((resolve) => {
        const env = { ...process.env, ...inDataDir(dataDir) };
        execFile(process.execPath, [installed.bin, ...args], { cwd: folder, env }, (_, stdout, stderr) =>
          resolve(stdout + stderr),
        );
      });
    const job = /job (\w{26})/.exec(await inFolder(there, 'upload', 'a.jpg'))?.[1] ?? '';
    await copyFile(path.join(samples, 'coffee.jpg'), path.join(there, 'a.jpg'));
    await rename(there, path.join(dataDir, 'gone'));
    expect(await inFolder(elsewhere, 'retry', job)).toMatch(/a\.jpg, error: missing/);
    await rename(path.join(dataDir, 'gone'), there);
    expect(await inFolder(elsewhere, 'retry', job)).toMatch(/a\.jpg, espresso/);
  });
});
