import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { requestQueueName } from '../../src/core/job/keys.ts';
import { createLocalCloud } from '../../src/local/cloud.ts';
import { until } from '../contract/until.ts';
import { type InstalledPackage, installPackage, processesOf, type Running, start } from './package.ts';
import { expectEachOnce, type Labels, labelByContent, linesOf, writeImages } from './plain-images.ts';

const child = (name: string) => path.join(import.meta.dirname, 'children', name);
const SICK = { IMGCLS_RUNNER_ENTRY: child('sick-runner.ts') };

let installed: InstalledPackage;
beforeAll(async () => {
  installed = await installPackage();
});
afterAll(() => installed.remove());

let dataDir: string;
let folder: string;
const running: Running[] = [];
beforeEach(async () => {
  dataDir = await installed.dataDir();
  folder = path.join(await installed.emptyFolder(), 'photos');
});
afterEach(async () => {
  for (const { kill } of running.splice(0)) kill('SIGKILL');
  await until('all processes have ended', async () => (await processesOf(dataDir)).length === 0);
});

function imgcls(args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  const one = start(installed.bin, dataDir, args, { ...labelByContent, IMGCLS_LOG_LEVEL: 'info', ...env });
  running.push(one);
  return one;
}
/** Announces the images; a controller would bring workers of its own. @returns the job. */
async function announce(labels: Labels): Promise<string> {
  const { code, stdout, stderr } = await imgcls(['upload', folder, '--no-wait']).finished;
  expect(code, `${labels.size} images: ${stderr}`).toBe(0);
  return stdout.trim();
}
const status = async (...args: string[]) => (await imgcls(['status', ...args]).finished).stdout;
async function waitingRequests(): Promise<number> {
  const cloud = createLocalCloud({ dataDir, cluster: 'default' });
  try {
    const { waiting, delayed } = await cloud.queues.open(requestQueueName('default')).depth();
    return waiting + delayed;
  } finally {
    await cloud.close();
  }
}
/** The log lines among the lines for people. */
const logLines = (text: string) =>
  linesOf(text)
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
const lastLine = (text: string) => JSON.parse(linesOf(text).at(-1) ?? '{}');

describe('400 photographs and one sick worker of two', () => {
  it('end with 400 right outcomes, and "status" names the sick worker and its reason', async () => {
    const labels = await writeImages(folder, 400);
    const job = await announce(labels);
    // The healthy one could do all before the sick one has begun, which would then wait for ever.
    const { code, stderr } = await imgcls(['worker', '--id', 'sick'], SICK).finished;
    expect(code).toBe(1);
    expect(lastLine(stderr)).toMatchObject({ level: 'error', worker: 'sick', msg: 'Worker failed.' });
    await imgcls(['worker', '--id', 'healthy', '--idle-exit', '3']).finished;
    const results = await imgcls(['results', job]).finished;
    expect(results.code, results.stderr).toBe(0);
    expectEachOnce(results.stdout, labels);
    expect(await status()).toMatch(/FAILED .*sick on .*Failed to allocate memory for requested buffer/);
    const { workers } = JSON.parse(await status('--format', 'json'));
    expect(workers).toMatchObject([{ id: 'sick', state: 'failed', imagesDone: 0 }]);
  });
});

describe('a job whose model loads on no machine', () => {
  it('ends with outcomes that say so, after three workers', async () => {
    await writeImages(folder, 200);
    const { code, stdout, stderr } = await imgcls(['upload', folder, '--format', 'ndjson'], {
      ...SICK,
      IMGCLS_MAX: '1',
    }).finished;
    expect(code, stderr).toBe(3);
    const outcomes = linesOf(stdout).map((line) => JSON.parse(line));
    expect(outcomes).toHaveLength(200);
    for (const { error } of outcomes) {
      expect(error.code).toBe('model_unavailable');
      expect(error.message).toMatch(/^3 workers could not classify the image\..*Failed to allocate memory/);
    }
    const { workers } = JSON.parse(await status('--format', 'json'));
    expect(workers.map(({ state }: { state: string }) => state)).toEqual(['failed', 'failed']);
  });
});

describe.each([
  ['memory', 'fork-without-memory.ts', 'ENOMEM'],
  ['file descriptors', 'fork-without-descriptors.ts', 'EMFILE'],
])('a worker that has no %s for a runner', (_, script, cause) => {
  it('gives its message back, logs why in its last line and ends with code 1', async () => {
    await announce(await writeImages(folder, 3));
    const NODE_OPTIONS = `--import=${child(script)}`;
    const env = { NODE_OPTIONS, IMGCLS_LEASE_SECONDS: '600' };
    const { code, stderr } = await imgcls(['worker'], env).finished;
    expect(code).toBe(1);
    const message = expect.stringMatching(`spawn .*${cause}`);
    expect(lastLine(stderr)).toMatchObject({ level: 'error', error: { message } });
    await until('its message is back', async () => (await waitingRequests()) === 1);
  });
});

describe('an error that no code catches', () => {
  it('ends a worker with code 1 and a log line, after it gave back what it had not begun', async () => {
    const labels = await writeImages(folder, 160);
    const job = await announce(labels);
    const announced = await waitingRequests();
    const NODE_OPTIONS = `--import=${child('throw-on-signal.ts')}`;
    const worker = imgcls(['worker'], {
      NODE_OPTIONS,
      IMGCLS_TEST_IMAGES_PER_SECOND: '8',
      IMGCLS_LEASE_SECONDS: '600',
    });
    await until('it holds messages', async () => (await waitingRequests()) < announced);
    worker.kill('SIGUSR2');
    const { code, stderr } = await worker.finished;
    expect(code).toBe(1);
    expect(logLines(stderr).map(({ msg }) => msg)).toContain('Uncaught error. The process ends.');
    const results = await imgcls(['results', job, '--wait']).finished;
    expect(results.code, results.stderr).toBe(0);
    expectEachOnce(results.stdout, labels);
  });
});

describe('a model of the settings that is not installed', () => {
  it('ends a worker that runs once, and is a warning of any other', async () => {
    const env = { IMGCLS_MODEL: 'resnet50' };
    const once = await imgcls(['worker', '--once'], env).finished;
    expect(once.code).not.toBe(0);
    expect(once.stderr).toMatch(/resnet50/);
    const other = await imgcls(['worker', '--idle-exit', '0.1'], env).finished;
    expect(other.code).toBe(0);
    expect(logLines(other.stderr)).toContainEqual(
      expect.objectContaining({ level: 'warn', model: 'resnet50' }),
    );
  });
});
