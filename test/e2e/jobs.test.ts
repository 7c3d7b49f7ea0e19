import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jobPrefix } from '../../src/core/job/keys.ts';
import { createLocalCloud } from '../../src/local/cloud.ts';
import { type InstalledPackage, installPackage, processesOf, repository, start } from './package.ts';

const samples = path.join(repository, 'samples');

let installed: InstalledPackage;
beforeAll(async () => {
  installed = await installPackage();
});
afterAll(() => installed.remove());

const run = (dataDir: string, ...args: string[]) => start(installed.bin, dataDir, args).finished;
const submit = async (dataDir: string, folder = samples) =>
  (await run(dataDir, 'upload', folder, '--no-wait')).stdout.trim();
const jobs = async (dataDir: string, ...args: string[]) =>
  (await run(dataDir, 'jobs', '--format', 'ndjson', ...args)).stdout
    .split('\n')
    .flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));

async function keysOf(dataDir: string, job: string): Promise<string[]> {
  const cloud = createLocalCloud({ dataDir, cluster: 'default' });
  try {
    return (await Array.fromAsync(cloud.output.list(jobPrefix(job)))).map(({ key }) => key);
  } finally {
    await cloud.close();
  }
}

describe('imgcls jobs', () => {
  it('lists submitted jobs, waits for them, and shows images, errors and rate', async () => {
    const dataDir = await installed.dataDir();
    expect((await run(dataDir, 'jobs')).stdout).toBe('No jobs.\n');
    const first = await submit(dataDir);
    const folder = path.join(dataDir, 'bad');
    await mkdir(folder);
    await writeFile(path.join(folder, 'a.jpg'), 'no image');
    const second = await submit(dataDir, folder);
    expect(await jobs(dataDir)).toMatchObject([
      { id: second, state: 'sealed', done: 0, total: 1, errors: 0 },
      { id: first, state: 'sealed', done: 0, total: 12, errors: 0 },
    ]);
    expect((await run(dataDir, 'jobs', '--wait')).code).toBe(0);
    expect(await jobs(dataDir)).toMatchObject([
      { id: second, state: 'finished', done: 1, total: 1, errors: 1 },
      { id: first, state: 'finished', done: 12, total: 12, errors: 0, imagesPerSecond: expect.any(Number) },
    ]);
    expect(await jobs(dataDir, '--limit', '1')).toHaveLength(1);
    expect(await jobs(dataDir, '--state', 'cancelled')).toEqual([]);
    expect((await run(dataDir, 'jobs')).stdout).toMatch(new RegExp(`^${second}\\tdone\\t1 of 1\\t1\\t`, 'm'));
    expect(await processesOf(dataDir)).toEqual([]);
  });
});

describe('a cancelled job', () => {
  it('ends for waiting processes, and can be removed', async () => {
    const dataDir = await installed.dataDir();
    const job = await submit(dataDir);
    expect(await run(dataDir, 'rm', job)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/is running.*\n.*--force/),
    });
    expect((await run(dataDir, 'cancel', job)).code).toBe(0);
    expect(await run(dataDir, 'cancel', job)).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/was already cancelled/),
    });
    expect(await run(dataDir, 'results', job, '--wait')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/was cancelled/),
    });
    expect(await run(dataDir, 'rm', job, job.toLowerCase()), 'named twice').toMatchObject({ code: 0 });
    expect(await keysOf(dataDir, job)).toEqual([]);
    expect(await jobs(dataDir)).toEqual([]);
    expect(await run(dataDir, 'results', job)).toMatchObject({ code: 2 });
  });

  it('cannot be a finished one', async () => {
    const dataDir = await installed.dataDir();
    const { stderr } = await run(dataDir, 'upload', path.join(samples, 'cat.jpg'));
    const job = /job (\w{26})/.exec(stderr)?.[1] ?? '';
    expect(await run(dataDir, 'cancel', job)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/is finished/),
    });
  });
});

describe('imgcls gc', () => {
  it('deletes old finished jobs, and reports old unfinished ones', async () => {
    const dataDir = await installed.dataDir();
    const { stderr } = await run(dataDir, 'upload', path.join(samples, 'cat.jpg'));
    const finished = /job (\w{26})/.exec(stderr)?.[1] ?? '';
    const unfinished = await submit(dataDir);
    expect((await run(dataDir, 'gc')).code).toBe(0);
    expect(await jobs(dataDir), 'younger than 30 days').toHaveLength(2);
    const dry = await run(dataDir, 'gc', '--older-than', '0', '--dry-run');
    expect(dry.stderr).toMatch(/^Would delete 1 job, 0 dead letters, 0 response queues and 0 images; /m);
    expect(await jobs(dataDir)).toHaveLength(2);
    const swept = await run(dataDir, 'gc', '--older-than', '0');
    expect(swept.stderr).toMatch(/^Deleted 1 job, 0 dead letters, 0 response queues and 0 images; freed \d/m);
    expect(swept.stderr).toMatch(new RegExp(`Kept job ${unfinished}: it is old but unfinished`));
    expect(await keysOf(dataDir, finished)).toEqual([]);
    expect(await run(dataDir, 'results', unfinished, '--wait'), 'its images are still there').toMatchObject({
      code: 0,
    });
  });
});
