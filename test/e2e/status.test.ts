import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLocalCloud } from '../../src/local/cloud.ts';
import { writeModelRates } from '../../src/scaler/model-rates.ts';
import {
  type InstalledPackage,
  installPackage,
  processesOf,
  type Running,
  repository,
  start,
} from './package.ts';

const samples = path.join(repository, 'samples');

let installed: InstalledPackage;
beforeAll(async () => {
  installed = await installPackage();
});
afterAll(() => installed.remove());

describe('imgcls status', () => {
  it('shows a cluster without work, and how to start a controller', async () => {
    const { code, stdout, stderr } = await start(installed.bin, await installed.dataDir(), ['status'])
      .finished;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/controller +none running. Start one with "imgcls scale --max 4"/);
    expect(stdout).toMatch(/jobs +none unfinished/);
  });

  it('shows a job that waits for workers, and the queue', async () => {
    const dataDir = await installed.dataDir();
    const announced = await start(installed.bin, dataDir, ['upload', samples, '--no-wait']).finished;
    const job = announced.stdout.trim();
    const { code, stdout } = await start(installed.bin, dataDir, ['status', '--format', 'json']).finished;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      v: 1,
      requests: { waiting: 1, inFlight: 0 },
      deadLetters: { waiting: 0 },
      workers: [],
      jobs: [{ id: job, state: 'sealed', total: 12, done: 0 }],
    });
    const text = await start(installed.bin, dataDir, ['status']).finished;
    expect(text.stdout).toMatch(new RegExp(`${job} +running +0 of 12`));
    expect(await processesOf(dataDir), 'looking starts nothing').toEqual([]);
  });

  it('shows at once that the controller was killed, and a new one takes over from it', async () => {
    const dataDir = await installed.dataDir();
    const scale = () => start(installed.bin, dataDir, ['scale', '--format', 'json']);
    const isActing = async (controller: Running) =>
      await expect.poll(() => controller.stdout(), { timeout: 60_000 }).not.toBe('');
    const killed = scale();
    await isActing(killed);
    killed.kill('SIGKILL');
    await killed.finished;
    const { stdout } = await start(installed.bin, dataDir, ['status']).finished;
    expect(stdout).toMatch(/controller +\w+, epoch 1, .*: ended, its process is gone\. Start one with/);
    const next = scale();
    await isActing(next);
    next.kill('SIGTERM');
    expect((await next.finished).code).toBe(0);
  });

  it('repeats with --watch until an interrupt, and exits with code 0', async () => {
    const watching = start(installed.bin, await installed.dataDir(), [
      'status',
      '--watch',
      '--format',
      'json',
    ]);
    await expect
      .poll(() => watching.stdout().split('\n').length, { timeout: 60_000 })
      .toBeGreaterThanOrEqual(3);
    watching.kill('SIGINT');
    const { code, stdout, stderr } = await watching.finished;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const line of stdout.trimEnd().split('\n')) expect(JSON.parse(line)).toMatchObject({ v: 1 });
  });
});

describe('imgcls upload --quote', () => {
  it('says what a job would take and cost, and leaves nothing behind', async () => {
    const dataDir = await installed.emptyFolder();
    const env = { IMGCLS_PRICE_PER_HOUR: '0.5' };
    const args = ['upload', samples, '--quote', '--format', 'json'];
    const { code, stdout, stderr } = await start(installed.bin, dataDir, args, env).finished;
    expect(code, stderr).toBe(0);
    const quote = JSON.parse(stdout);
    expect(quote).toMatchObject({
      v: 1,
      images: 12,
      messages: 1,
      machines: 1,
      hourlyUsd: 0.5,
      copiedBytes: 0,
    });
    expect(quote.machineUsd).toBeGreaterThan(0);
    expect(await readdir(dataDir)).toEqual([]);
  });

  it('counts with the rate of the job\'s model, as "imgcls model bench" measured it', async () => {
    const dataDir = await installed.dataDir();
    const cloud = createLocalCloud({ dataDir, cluster: 'default' });
    const { sha256 } = JSON.parse(
      await readFile(path.join(repository, 'models/efficientnet-lite0/model.json'), 'utf8'),
    );
    const rate = { model: 'any', imagesPerSecondPerCore: 7, cores: 64, cpu: 'any', atMs: 0 };
    await writeModelRates(cloud.output, { [sha256]: rate });
    await cloud.close();
    const args = ['upload', samples, '--dry-run', '--format', 'json'];
    const { stdout } = await start(installed.bin, dataDir, args, { IMGCLS_RUNNERS: '3' }).finished;
    expect(JSON.parse(stdout)).toMatchObject({ imagesPerSecond: 21, imagesPerSecondIs: 'measured' });
  });

  it('costs nothing on a machine that is paid for', async () => {
    const { code, stdout } = await start(installed.bin, await installed.dataDir(), [
      'upload',
      samples,
      '--dry-run',
      '--copy',
    ]).finished;
    expect(code).toBe(0);
    expect(stdout).toMatch(/cost +\$0\.00/);
    expect(stdout).toMatch(/copies +up to 557 KB, in the data folder/);
  });
});
