import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../contract/until.ts';
import {
  type InstalledPackage,
  installPackage,
  processesOf,
  type Running,
  repository,
  start,
  USUAL_RUNNERS,
  workersOf,
} from './package.ts';

/** Five images a second, one after the other, whatever is on them. */
const SLOW_RUNNER = path.join(import.meta.dirname, 'children', 'slow-runner.ts');
const IMAGES = 500;
const IDLE_SECONDS = 5;

let installed: InstalledPackage;
let photographs: string;
beforeAll(async () => {
  installed = await installPackage();
  photographs = await installed.emptyFolder();
  const cat = await readFile(path.join(repository, 'samples', 'cat.jpg'));
  // Each is another file: what differs stands behind the end of the JPEG.
  for (let index = 0; index < IMAGES; index++)
    await writeFile(path.join(photographs, `${index}.jpg`), Buffer.concat([cat, Buffer.from(String(index))]));
});
afterAll(() => installed.remove());

const env = {
  ...USUAL_RUNNERS,
  IMGCLS_RUNNER_ENTRY: SLOW_RUNNER,
  IMGCLS_TEST_IMAGES_PER_SECOND: '5',
  IMGCLS_IMAGES_PER_SECOND: '5',
  // What a killed worker held comes back after so long.
  IMGCLS_LEASE_SECONDS: '15',
};
const running: { processes: Running[]; dataDirs: string[] } = { processes: [], dataDirs: [] };
afterEach(async () => {
  for (const { kill } of running.processes.splice(0)) kill('SIGKILL');
  for (const dataDir of running.dataDirs.splice(0))
    for (const pid of await processesOf(dataDir)) killIfThere(pid);
});

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

async function newDataDir(): Promise<string> {
  const dataDir = await installed.dataDir();
  running.dataDirs.push(dataDir);
  return dataDir;
}
function run(dataDir: string, args: string[]): Running {
  const one = start(installed.bin, dataDir, args, env);
  running.processes.push(one);
  return one;
}
const scale = (dataDir: string, ...args: string[]) =>
  run(dataDir, [
    'scale',
    '--max',
    '4',
    '--target-seconds',
    '5',
    '--idle-seconds',
    String(IDLE_SECONDS),
    ...args,
  ]);
/** The one that holds the lock: who stands by decides nothing. An upload that comes before brings a controller of its own. */
const untilActing = (...controllers: Running[]) =>
  until('a controller acts', async () => controllers.find(({ stdout }) => stdout() !== ''));
const upload = (dataDir: string, folder = photographs) =>
  run(dataDir, ['upload', folder, '--fresh', '--format', 'ndjson']);

const untilWorkers = (dataDir: string, what: string, isEnough: (count: number) => boolean) =>
  until(`there are ${what} workers`, async () => isEnough((await workersOf(dataDir)).length), {
    timeoutMs: 60_000,
  });

/** One that has labelled some and holds more, by what it says of itself. */
async function busyWorker(dataDir: string): Promise<number | undefined> {
  const { stdout } = await run(dataDir, ['status', '--format', 'json']).finished;
  const { workers: reports } = JSON.parse(stdout);
  const busy = reports.find(
    ({ state, imagesDone }: { state: string; imagesDone: number }) => state === 'busy' && imagesDone > 0,
  );
  return busy?.pid;
}

async function labelled({ finished }: Running, images: number): Promise<void> {
  const { code, stdout, stderr } = await finished;
  expect(code, stderr).toBe(0);
  const indexes = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).index);
  expect(indexes).toEqual(Array.from({ length: images }, (_, index) => index));
}

describe('imgcls scale on one machine', () => {
  it('grows the fleet with the work, shrinks it to nothing, and loses nothing of a job that comes meanwhile', async () => {
    const dataDir = await newDataDir();
    const controller = scale(dataDir);
    const few = await installed.emptyFolder();
    await mkdir(few, { recursive: true });
    for (const name of (await readdir(photographs)).slice(0, 20))
      await copyFile(path.join(photographs, name), path.join(few, name));

    await untilActing(controller);
    const large = upload(dataDir);
    await untilWorkers(dataDir, 'at least 3', (count) => count >= 3);
    let most = 0;
    const watching = setInterval(() => {
      void workersOf(dataDir).then((found) => {
        most = Math.max(most, found.length);
      });
    }, 500);
    await labelled(large, IMAGES);
    clearInterval(watching);
    expect(most).toBeLessThanOrEqual(4);

    // While the fleet shrinks, another job comes.
    await untilWorkers(dataDir, 'fewer than 4', (count) => count < 4);
    await labelled(upload(dataDir, few), 20);
    await untilWorkers(dataDir, 'no', (count) => count === 0);

    controller.kill('SIGTERM');
    const { code, stdout, stderr } = await controller.finished;
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/launch [1-4]/);
    expect(await processesOf(dataDir)).toEqual([]);
  });

  it('acts once where two controllers run, and goes on when the acting one or a worker is killed', async () => {
    const dataDir = await newDataDir();
    const controllers = [scale(dataDir, '--format', 'json'), scale(dataDir, '--format', 'json')];
    const holder = await untilActing(...controllers);
    const job = upload(dataDir);
    await untilWorkers(dataDir, 'at least 3', (count) => count >= 3);
    expect((await workersOf(dataDir)).length).toBeLessThanOrEqual(4);

    const victim = await until('a worker is in the middle of its work', () => busyWorker(dataDir));
    holder.kill('SIGKILL');
    process.kill(victim, 'SIGKILL');

    await labelled(job, IMAGES);
    expect((await workersOf(dataDir)).length).toBeLessThanOrEqual(4);
    const [other] = controllers.filter((each) => each !== holder);
    other?.kill('SIGTERM');
    expect((await other?.finished)?.code).toBe(0);
    expect(await processesOf(dataDir)).toEqual([]);
  });

  it('says what it would do and does nothing with --dry-run', async () => {
    const dataDir = await newDataDir();
    const announced = await run(dataDir, ['upload', photographs, '--no-wait']).finished;
    expect(announced.code, announced.stderr).toBe(0);
    const { code, stdout } = await scale(dataDir, '--dry-run', '--once').finished;
    expect(code).toBe(0);
    expect(stdout).toContain('target 4 (would launch 4): 500 images within ');
    expect(await workersOf(dataDir)).toEqual([]);
  });

  it('applies what "cluster set" changes while it runs, and refuses a mistyped setting', async () => {
    const dataDir = await newDataDir();
    run(dataDir, ['scale']);
    const set = (word: string) => run(dataDir, ['cluster', 'set', word]).finished;
    expect(await set('targetSecond=5')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('unknown setting targetSecond; did you mean targetSeconds?'),
    });
    expect((await set('max=3')).code).toBe(0);
    await until('the controller has the new maximum', async () => {
      const { stdout } = await run(dataDir, ['status']).finished;
      return stdout.includes('scales from 0 to 3') && stdout.includes('settings: max=3 (imgcls cluster set)');
    });
  });

  it('lets every worker finish and end with --drain-on-exit, the job unfinished', async () => {
    const dataDir = await newDataDir();
    const controller = scale(dataDir, '--drain-on-exit');
    await run(dataDir, ['upload', photographs, '--no-wait']).finished;
    await untilWorkers(dataDir, 'at least 1', (count) => count >= 1);
    controller.kill('SIGTERM');
    expect((await controller.finished).code).toBe(0);
    expect(await workersOf(dataDir)).toEqual([]);
  });

  it('fails with --drain-on-exit while another controller holds the lock', async () => {
    const dataDir = await newDataDir();
    const first = scale(dataDir, '--min', '1');
    await untilWorkers(dataDir, '1', (count) => count === 1);
    const second = scale(dataDir, '--drain-on-exit');
    await expect.poll(() => second.stderr(), { timeout: 60_000 }).toContain('Controller started');
    second.kill('SIGTERM');
    const { code, stderr } = await second.finished;
    expect(code, stderr).toBe(130);
    expect(stderr).toContain('The workers were not drained: another controller');
    first.kill('SIGTERM');
    expect((await first.finished).code).toBe(0);
  });

  it.each([
    [['--max', '0', '--min', '3'], 'min must not be above max: min is 3, max is 0'],
    [['--max', 'many'], '--max must be a whole number from 0 to 10000, not many'],
    [['--policy', 'magic'], 'Allowed choices are backlog, per-message'],
  ])('refuses %j in one line', async (args, words) => {
    const { code, stderr } = await run(await newDataDir(), ['scale', ...args]).finished;
    expect(code).toBe(2);
    expect(stderr).toContain(words);
  });
});
