import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import type { Cloud, ReceivedMessage } from '../../src/core/cloud/ports.ts';
import type { DeadLetter } from '../../src/core/job/dead-letter.ts';
import { deadLetterKey, requestQueueName } from '../../src/core/job/keys.ts';
import { MAX_RECEIVE_COUNT } from '../../src/core/job/messages.ts';
import { createLocalCloud } from '../../src/local/cloud.ts';
import { drainDeadLetters } from '../../src/results/dead-letters.ts';
import { markAsBegun } from '../contract/mark-begun.ts';
import { type InstalledPackage, installPackage, repository, start } from './package.ts';

const samples = path.join(repository, 'samples');

let installed: InstalledPackage;
beforeAll(async () => {
  installed = await installPackage();
});
afterAll(() => installed.remove());

const run = (dataDir: string, ...args: string[]) => start(installed.bin, dataDir, args).finished;

/** Runs a command in another working directory. */
async function runElsewhere(dataDir: string, ...args: string[]) {
  const folder = path.join(dataDir, 'elsewhere');
  await mkdir(folder, { recursive: true });
  const bin = path.join(folder, 'imgcls.mjs');
  const text = `process.chdir(import.meta.dirname);\nawait import(${JSON.stringify(installed.bin)});\n`;
  await writeFile(bin, text);
  return await start(bin, dataDir, args).finished;
}

/** Acts on the embedded cloud of a data folder, as another process would. */
async function onCloud<T>(dataDir: string, act: (cloud: Cloud) => Promise<T>): Promise<T> {
  const cloud = createLocalCloud({ dataDir, cluster: 'default' });
  try {
    return await act(cloud);
  } finally {
    await cloud.close();
  }
}

const receive = (cloud: Cloud): Promise<ReceivedMessage[]> =>
  cloud.queues.open(requestQueueName('default')).receive({ max: 10, waitMs: 1000, leaseMs: 60_000 });

/** Receives every message of the request queue as often as if workers had crashed on it. */
async function exhaust(cloud: Cloud): Promise<void> {
  const queue = cloud.queues.open(requestQueueName('default'));
  for (let tries = 0; tries < MAX_RECEIVE_COUNT; tries++) {
    const messages = await receive(cloud);
    expect(messages).not.toEqual([]);
    for (const { body } of messages) await markAsBegun(cloud, body);
    await queue.extend(
      messages.map(({ receipt }) => receipt),
      0,
    );
  }
  // The next receive moves them to the dead-letter queue.
  expect(await queue.receive({ max: 10, waitMs: 0, leaseMs: 60_000 })).toEqual([]);
}

const drain = (cloud: Cloud) =>
  drainDeadLetters(cloud, systemClock).run(new AbortController().signal, () => {});

/** Moves the messages to the dead letters, as if workers of an older version could not read them. */
async function keepAsOutdated(cloud: Cloud): Promise<void> {
  const messages = await receive(cloud);
  for (const { id, body, sentAtMs, groupId } of messages) {
    const why = 'The data has format 2; this imgcls reads formats up to 1.';
    const tries = MAX_RECEIVE_COUNT;
    const letter: DeadLetter = { v: 1, messageId: id, receivedAtMs: Date.now(), sentAtMs, tries, why, body };
    await cloud.output.put(deadLetterKey(id), Buffer.from(JSON.stringify({ ...letter, job: groupId })));
  }
  await cloud.queues.open(requestQueueName('default')).delete(messages.map(({ receipt }) => receipt));
}

const letters = async (dataDir: string, ...flags: string[]): Promise<DeadLetter[]> =>
  (await run(dataDir, 'dlq', 'list', '--format', 'ndjson', ...flags)).stdout
    .split('\n')
    .flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));

const upload = async (dataDir: string, ...inputs: string[]): Promise<string> =>
  (await run(dataDir, 'upload', ...inputs, '--no-wait')).stdout.trim();

describe('dead letters', () => {
  it('keep their reason, and can be redriven or deleted', async () => {
    const dataDir = await installed.dataDir();
    expect((await run(dataDir, 'dlq', 'list')).stdout).toBe('No dead letters.\n');
    const job = await upload(dataDir, samples);
    await onCloud(dataDir, async (cloud) => {
      await exhaust(cloud);
      await cloud.queues.open(requestQueueName('default')).send([{ body: 'no request at all' }]);
    });
    expect((await run(dataDir, 'dlq', 'list')).stderr).toMatch(/1 more dead letter in the dead-letter queue/);

    const controller = start(installed.bin, dataDir, ['scale', '--max', '1']);
    const waited = await run(dataDir, 'results', job, '--wait');
    expect(waited.code, waited.stderr).toBe(3);
    expect(waited.stdout.match(/error: deadline/g)).toHaveLength(12);
    await expect.poll(() => letters(dataDir), { timeout: 60_000 }).toHaveLength(2);
    controller.kill('SIGTERM');
    await controller.finished;

    const [letter] = await letters(dataDir, '--job', job);
    const id = letter?.messageId ?? '';
    expect(letter).toMatchObject({
      tries: MAX_RECEIVE_COUNT,
      why: expect.stringMatching(/received 20 times and never finished/),
    });
    const poison = (await letters(dataDir)).find((one) => one.job === undefined);
    expect(poison).toMatchObject({
      tries: 1,
      why: expect.stringMatching(/not JSON/),
      body: 'no request at all',
    });
    const table = (await run(dataDir, 'dlq', 'list')).stdout;
    expect(table).toMatch(
      new RegExp(`${id}\\t.*\\t${job}\\t0-11\\t20\\tThe request message was received 20 times`),
    );
    const shown = await run(dataDir, 'dlq', 'show', id);
    expect(JSON.parse(shown.stdout).request.images).toHaveLength(12);

    const left = await run(dataDir, 'dlq', 'redrive', poison?.messageId ?? '');
    expect(left).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/it cannot be read/),
    });
    const redriven = await run(dataDir, 'dlq', 'redrive', id);
    expect(redriven.code, redriven.stderr).toBe(0);
    expect(redriven.stderr).toMatch(/Retrying 12 images from 1 dead letter of job/);
    expect(redriven.stdout).toMatch(/^barn\.webp, barn\n/);
    expect(redriven.stdout.trimEnd().split('\n')).toHaveLength(12);
    expect((await run(dataDir, 'results', job)).stdout).toBe(redriven.stdout);
    expect(await letters(dataDir)).toEqual([poison]);
    expect((await run(dataDir, 'dlq', 'purge', '--all')).stderr).toMatch(/Deleted 1 dead letter\./);
    expect(await letters(dataDir)).toEqual([]);
  });

  it('of several jobs are redriven at once, with the files as they are now', async () => {
    const dataDir = await installed.dataDir();
    for (const folder of ['repaired', 'broken']) {
      await mkdir(path.join(dataDir, folder));
      await writeFile(path.join(dataDir, folder, 'cat.jpg'), 'no image yet');
    }
    const repaired = await upload(dataDir, 'repaired');
    const broken = await upload(dataDir, 'broken');
    await onCloud(dataDir, async (cloud) => {
      await exhaust(cloud);
      await drain(cloud);
    });
    for (const job of [repaired, broken])
      expect((await run(dataDir, 'results', job, '--wait')).stdout).toBe('cat.jpg, error: deadline\n');
    await copyFile(path.join(samples, 'cat.jpg'), path.join(dataDir, 'repaired', 'cat.jpg'));

    const one = await run(dataDir, 'dlq', 'redrive', '--all', '--format', 'json');
    expect(one).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/outcomes of 2 jobs as one json document/),
    });
    expect(await letters(dataDir)).toHaveLength(2);
    const redriven = await runElsewhere(dataDir, 'dlq', 'redrive', '--all', '--output', 'outcomes');
    expect(redriven.code, redriven.stderr).toBe(3);
    expect((await run(dataDir, 'results', repaired)).stdout).toBe('cat.jpg, tiger cat\n');
    expect((await run(dataDir, 'results', broken)).stdout).toBe('cat.jpg, error: not_an_image\n');
    expect((await readFile(path.join(dataDir, 'elsewhere', 'outcomes'), 'utf8')).split('\n').sort()).toEqual([
      '',
      'cat.jpg, error: not_an_image',
      'cat.jpg, tiger cat',
    ]);
    expect(await letters(dataDir)).toEqual([]);
  });

  it('go back to the queue of a running job after an update that can read them', async () => {
    const dataDir = await installed.dataDir();
    const job = await upload(dataDir, samples);
    await onCloud(dataDir, keepAsOutdated);
    expect(await letters(dataDir)).toHaveLength(1);
    const sent = await run(dataDir, 'dlq', 'redrive', '--job', job);
    expect(sent).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/Sent 1 dead letter of job \w{26} to the request queue/),
    });
    expect(await letters(dataDir)).toEqual([]);
    const results = await run(dataDir, 'results', job, '--wait');
    expect(results.code, results.stderr).toBe(0);
    expect(results.stdout).toMatch(/^barn\.webp, barn\n/);
  });

  it('stay while their job runs and if it was cancelled, and are deleted with it', async () => {
    const dataDir = await installed.dataDir();
    const job = await upload(dataDir, samples);
    await onCloud(dataDir, async (cloud) => {
      await exhaust(cloud);
      await drain(cloud);
    });
    const redrive = () => run(dataDir, 'dlq', 'redrive', '--all');
    expect(await redrive()).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/the job is sealed\. Run .* to finish it, then redrive them/),
    });
    await run(dataDir, 'cancel', job);
    expect(await redrive()).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/the job is cancelled\. Delete them with "imgcls dlq purge"/),
    });
    expect(await letters(dataDir)).toHaveLength(1);
    await run(dataDir, 'rm', job);
    expect(await letters(dataDir)).toEqual([]);
  });

  it('are redriven without waiting', async () => {
    const dataDir = await installed.dataDir();
    const job = await upload(dataDir, samples);
    await onCloud(dataDir, async (cloud) => {
      await exhaust(cloud);
      await drain(cloud);
    });
    await run(dataDir, 'results', job, '--wait');
    const left = await run(dataDir, 'dlq', 'redrive', '--job', job, '--no-wait');
    expect(left).toMatchObject({ code: 0, stdout: `${job}\n` });
    expect(left.stderr).toMatch(new RegExp(`Retrying 12 images .* Run "imgcls results ${job} --wait"`));
    expect(await letters(dataDir)).toEqual([]);
    expect((await run(dataDir, 'results', job, '--wait')).code).toBe(0);
  });

  it('that are damaged can be listed and deleted', async () => {
    const dataDir = await installed.dataDir();
    await onCloud(dataDir, (cloud) => cloud.output.put(deadLetterKey('torn'), Buffer.from('{"v":1,\u001b')));
    const listed = await run(dataDir, 'dlq', 'list', '--format', 'lines');
    expect(listed).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^torn, cannot be read: .*not JSON/),
    });
    expect((await run(dataDir, 'dlq', 'show', 'torn')).stdout).toMatch(/not JSON/);
    expect(await run(dataDir, 'dlq', 'redrive', '--all')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/Skipped dead letter torn: it cannot be read/),
    });
    expect((await run(dataDir, 'dlq', 'purge', 'torn')).stderr).toMatch(/Deleted 1 dead letter\./);
    expect(await letters(dataDir)).toEqual([]);
  });

  it.each([
    [['redrive'], /No dead letters are selected/],
    [['purge'], /No dead letters are selected/],
    [['purge', '--all', '--job', 'one'], /selected in more than one way/],
    [['redrive', 'one', '--all'], /selected in more than one way/],
    [['show', 'nosuch'], /There is no dead letter nosuch/],
    [['redrive', 'nosuch'], /There is no dead letter nosuch/],
  ])('must be selected in one way: dlq %j', async (args, message) => {
    const { code, stderr } = await run(await installed.dataDir(), 'dlq', ...args);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });
});
