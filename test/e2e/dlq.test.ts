import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requestQueueName } from '../../src/core/keys.ts';
import { MAX_RECEIVE_COUNT } from '../../src/core/messages.ts';
import { createLocalCloud } from '../../src/local/cloud.ts';
import { type InstalledPackage, installPackage, repository, start } from './package.ts';

const samples = path.join(repository, 'samples');

let installed: InstalledPackage;
beforeAll(async () => {
  installed = await installPackage();
});
afterAll(() => installed.remove());

const run = (dataDir: string, ...args: string[]) => start(installed.bin, dataDir, args).finished;

/** As if workers had died of every message in the request queue; then one comes that no worker understands. */
async function wearOut(dataDir: string): Promise<void> {
  const cloud = createLocalCloud({ dataDir, cluster: 'default' });
  const queue = cloud.queues.open(requestQueueName('default'));
  for (let tries = 0; tries < MAX_RECEIVE_COUNT; tries++) {
    const messages = await queue.receive({ max: 10, waitMs: 1000, leaseMs: 60_000 });
    expect(messages).not.toEqual([]);
    await queue.extend(
      messages.map(({ receipt }) => receipt),
      0,
    );
  }
  await queue.send([{ body: 'no request at all' }]);
  await cloud.close();
}

const letters = async (dataDir: string) =>
  (await run(dataDir, 'dlq', 'list', '--format', 'ndjson')).stdout
    .split('\n')
    .flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));

describe('batches that nobody can finish', () => {
  it('end as errors, are kept with their reason, and can be tried again or deleted', async () => {
    const dataDir = await installed.dataDir();
    expect((await run(dataDir, 'dlq', 'list')).stdout).toBe('There is no dead letter.\n');
    const job = (await run(dataDir, 'upload', samples, '--no-wait')).stdout.trim();
    await wearOut(dataDir);

    const controller = start(installed.bin, dataDir, ['scale', '--max', '1']);
    const waited = await run(dataDir, 'results', job, '--wait');
    expect(waited.code, waited.stderr).toBe(3);
    expect(waited.stdout.match(/error: deadline/g)).toHaveLength(5);
    await expect.poll(() => letters(dataDir), { timeout: 60_000 }).toHaveLength(2);
    controller.kill('SIGTERM');
    await controller.finished;

    const letter = (await letters(dataDir)).find((one) => one.job === job);
    expect(letter).toMatchObject({
      tries: MAX_RECEIVE_COUNT,
      why: expect.stringMatching(/delivered as often/),
    });
    const poison = (await letters(dataDir)).find((one) => one.job === undefined);
    expect(poison).toMatchObject({
      tries: 1,
      why: expect.stringMatching(/not JSON/),
      body: 'no request at all',
    });
    const table = (await run(dataDir, 'dlq', 'list')).stdout;
    expect(table).toMatch(new RegExp(`${letter.messageId} .* ${job}  0-4 +20 +Its batch was delivered`));
    const shown = await run(dataDir, 'dlq', 'show', letter.messageId);
    expect(JSON.parse(shown.stdout).request.images).toHaveLength(5);

    const both = await run(dataDir, 'dlq', 'redrive', poison.messageId);
    expect(both).toMatchObject({ code: 1, stderr: expect.stringMatching(/which cannot be read/) });
    const redriven = await run(dataDir, 'dlq', 'redrive', letter.messageId);
    expect(redriven.code, redriven.stderr).toBe(0);
    expect(redriven.stderr).toMatch(/images that are tried again: 5/);
    expect((await run(dataDir, 'results', job)).stdout).toMatch(/^cat\.jpg, tiger cat\n/);
    expect(await letters(dataDir)).toEqual([poison]);
    expect((await run(dataDir, 'dlq', 'purge', '--all')).stderr).toMatch(/letters deleted: 1/);
    expect(await letters(dataDir)).toEqual([]);
  });

  it.each([
    [['redrive'], /which letters/],
    [['purge'], /which letters/],
    [['show', 'nosuch'], /There is no dead letter nosuch/],
    [['redrive', 'nosuch'], /There is no dead letter nosuch/],
  ])('are not chosen by chance: dlq %j', async (args, message) => {
    const { code, stderr } = await run(await installed.dataDir(), 'dlq', ...args);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });
});
