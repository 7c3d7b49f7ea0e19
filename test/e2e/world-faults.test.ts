/** Faults of one machine in the middle of a job: its disk is full, or may only be read; its clock is set. */
import { chmod, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../contract/until.ts';
import { type InstalledPackage, installPackage, processesOf, start, workersOf } from './package.ts';
import {
  expectEachOnce,
  expectMessage,
  jobToContinue,
  type Labels,
  labelByContent,
  linesOf,
  shiftedClock,
  writeImages,
} from './plain-images.ts';
import { canMountDisks, mountSmallDisk, type SmallDisk } from './small-disk.ts';

const canMount = await canMountDisks();
const HOUR_MS = 3_600_000;

let installed: InstalledPackage;
/** Where the images are; the data folder is elsewhere. */
let folder: string;
beforeAll(async () => {
  installed = await installPackage();
});
afterAll(() => installed.remove());
beforeEach(async () => {
  folder = await installed.emptyFolder();
});

describe.skipIf(!canMount)('on a small disk', () => {
  const photos = () => path.join(folder, 'photos');
  let disk: SmallDisk;
  beforeEach(async () => {
    disk = await mountSmallDisk(6);
  });
  afterEach(async () => {
    // Ended by the last command: left alone, a worker would stay for half a minute.
    await expect.poll(() => processesOf(disk.folder), { timeout: 15_000 }).toEqual([]);
    await disk.remove();
  });
  const imgcls = (args: string[], env: NodeJS.ProcessEnv = {}) =>
    start(installed.bin, disk.folder, args, { ...labelByContent, ...env });

  it('an upload needs no space for photographs, which are read where they are', async () => {
    const labels = await writeImages(photos(), 60, 200_000);
    const { code, stdout, stderr } = await imgcls(['upload', photos()]).finished;
    expect(code, stderr).toBe(0);
    expectEachOnce(stdout, labels);
  });

  it('an upload that fills it stops and says what to do; with more space it is resumed', async () => {
    const labels = await writeImages(photos(), 60, 200_000);
    const stopped = await imgcls(['upload', photos(), '--copy']).finished;
    expect(stopped.code).toBe(1);
    expectMessage(stopped.stderr, /the disk is full\.\nhint: Free some space\. Stored data is intact\./);
    const job = jobToContinue(stopped.stderr, 'resume');

    const again = await imgcls(['resume', job]).finished;
    expect(again.code).toBe(1);
    expectMessage(again.stderr, /the disk is full/);

    await disk.change('size=64m');
    const { code, stdout, stderr } = await imgcls(['resume', job]).finished;
    expect(code, stderr).toBe(0);
    expectEachOnce(stdout, labels);
  });

  it('a wait during which it fills up stops and says what to do; with space again the job ends well', async () => {
    const labels = await writeImages(photos(), 200);
    const running = imgcls(['upload', photos()], { IMGCLS_TEST_IMAGES_PER_SECOND: '30' });
    await expect.poll(() => running.stdout(), { timeout: 60_000 }).not.toBe('');
    const filler = path.join(disk.folder, 'filler');
    await writeFile(filler, Buffer.alloc(8_000_000)).catch(({ code }) => expect(code).toBe('ENOSPC'));
    const stopped = await running.finished;
    expect(stopped.code).toBe(1);
    expectMessage(stopped.stderr, /the disk is full\.\nhint: Free some space/);
    const job = jobToContinue(stopped.stderr, 'results');

    await rm(filler);
    const { code, stdout, stderr } = await imgcls(['results', job, '--wait']).finished;
    expect(code, stderr).toBe(0);
    expectEachOnce(stdout, labels);
  });

  it('no job is left behind where there was no space for it', async () => {
    await writeImages(photos(), 3);
    const filler = path.join(disk.folder, 'filler');
    await writeFile(filler, Buffer.alloc(8_000_000)).catch(({ code }) => expect(code).toBe('ENOSPC'));
    const { code, stdout, stderr } = await imgcls(['upload', photos()]).finished;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expectMessage(stderr, /the disk is full\.\nhint: Free some space/);
    expect(stderr).not.toMatch(/to continue/);
  });

  it('that may only be read, every command says so', async () => {
    const labels = await writeImages(photos(), 3);
    const job = await imgcls(['upload', photos()]).finished.then(
      ({ stderr }) => /job (\w{26})/.exec(stderr)?.[1] ?? '',
    );
    await disk.change('ro');
    for (const args of [['upload', photos()], ['results', job], ['resume', job], ['status'], ['worker']]) {
      const { code, stdout, stderr } = await imgcls(args).finished;
      expect({ code, stdout }, args[0]).toEqual({ code: 1, stdout: '' });
      expectMessage(stderr, /cannot be written: its disk is mounted read-only\.\nhint: Mount it for writing/);
    }
    await disk.change('rw');
    const { code, stdout } = await imgcls(['results', job]).finished;
    expect(code).toBe(0);
    expectEachOnce(stdout, labels);
  });
});

/** Stops a process that holds no lock of the database: there, it would stop all others, too. */
async function stopBetweenWrites(pid: number, dataDir: string): Promise<void> {
  using db = new DatabaseSync(path.join(dataDir, 'default', 'cloud.db'), { timeout: 1000 });
  await until('the process is stopped between two writes', async () => {
    process.kill(pid, 'SIGSTOP');
    try {
      db.exec('BEGIN IMMEDIATE; ROLLBACK');
      return true;
    } catch (error) {
      expect(error).toMatchObject({ errstr: 'database is locked' });
      process.kill(pid, 'SIGCONT');
      return undefined;
    }
  });
}

describe('a data folder that this user may not write', () => {
  it.skipIf(process.getuid?.() === 0)('is said so', async () => {
    const dataDir = await installed.dataDir();
    await writeImages(path.join(folder, 'photos'), 1);
    await chmod(dataDir, 0o555);
    const { code, stderr } = await start(installed.bin, dataDir, ['upload', path.join(folder, 'photos')])
      .finished;
    await chmod(dataDir, 0o755);
    expect(code).toBe(1);
    expectMessage(stderr, /cannot be written\.\nhint: Give this user write access to the folder/);
  });
});

describe('the clock of the machine is set', () => {
  let dataDir: string;
  let labels: Labels;
  const clockFile = () => path.join(folder, 'clock');
  const setClock = (offsetMs: number) => writeFile(clockFile(), String(offsetMs));
  const imgcls = (args: string[], imagesPerSecond: number, env: NodeJS.ProcessEnv = {}) =>
    start(installed.bin, dataDir, args, {
      ...labelByContent,
      ...env,
      ...shiftedClock(clockFile()),
      IMGCLS_TEST_IMAGES_PER_SECOND: String(imagesPerSecond),
      IMGCLS_TEST_RUNNER_LOG: path.join(folder, 'classified'),
    });
  beforeEach(async () => {
    dataDir = await installed.dataDir();
    labels = await writeImages(path.join(dataDir, 'photos'), 300);
    await setClock(0);
  });
  afterEach(async () => {
    await expect.poll(() => processesOf(dataDir), { timeout: 60_000 }).toEqual([]);
  });

  it.each([
    ['forward', 6 * HOUR_MS],
    ['back', -6 * HOUR_MS],
  ])('%s in the middle of a job, and nothing changes for it', async (_, offsetMs) => {
    const running = imgcls(['upload', 'photos'], 50);
    await expect.poll(() => linesOf(running.stdout()).length, { timeout: 60_000 }).toBeGreaterThan(30);
    await setClock(offsetMs);
    const { code, stdout, stderr } = await running.finished;
    expect(code, stderr).toBe(0);
    expectEachOnce(stdout, labels);
  });

  it('back just after a worker was killed, and its messages go to another one long before their lease ends', async () => {
    const running = imgcls(['upload', 'photos'], 50, { IMGCLS_LEASE_SECONDS: '3600' });
    await expect.poll(() => linesOf(running.stdout()).length, { timeout: 60_000 }).toBeGreaterThan(30);
    for (const worker of await workersOf(dataDir)) process.kill(worker, 'SIGKILL');
    await setClock(-6 * HOUR_MS);
    const { code, stdout, stderr } = await running.finished;
    expect(code, stderr).toBe(0);
    expectEachOnce(stdout, labels);
  });

  it('back while a worker hangs, and its messages go to another one when their lease ends', async () => {
    const running = imgcls(['upload', 'photos'], 50);
    await expect.poll(() => linesOf(running.stdout()).length, { timeout: 60_000 }).toBeGreaterThan(30);
    const hanging = await workersOf(dataDir);
    for (const worker of hanging) await stopBetweenWrites(worker, dataDir);
    await setClock(-6 * HOUR_MS);
    const other = imgcls(['worker'], 50);
    await expect.poll(() => linesOf(running.stdout()).length, { timeout: 120_000 }).toBe(labels.size);
    for (const worker of hanging) process.kill(worker, 'SIGCONT');
    const { code, stdout, stderr } = await running.finished;
    expect(code, stderr).toBe(0);
    expectEachOnce(stdout, labels);
    other.kill('SIGTERM');
    expect((await other.finished).code).toBe(0);
  });
});
