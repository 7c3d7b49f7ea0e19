import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type InstalledPackage, installPackage, processesOf, start } from './package.ts';

const FIXTURE = path.join(import.meta.dirname, 'fixtures', 'data-of-0.1.0.sql');
const FINISHED = '01M8N86BKX95H6QWXDJ7VKQJT0';
const CANCELLED = '01M8N86H4PX6FNQP6P9Y1TMH09';
const WAITING = '01M8N87ARHEDTX3VYX1PNF9MF7';

let installed: InstalledPackage;
beforeAll(async () => {
  installed = await installPackage();
});
afterAll(() => installed.remove());

const run = (dataDir: string, ...args: string[]) => start(installed.bin, dataDir, args).finished;
const lines = (text: string) => text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));

/** A data folder as imgcls 0.1.0 left it a moment ago: messages and objects would expire otherwise. */
async function olderDataDir(): Promise<string> {
  const dataDir = await installed.dataDir();
  await mkdir(path.join(dataDir, 'default'));
  const db = new DatabaseSync(path.join(dataDir, 'default', 'cloud.db'));
  db.exec(await readFile(FIXTURE, 'utf8'));
  db.prepare('UPDATE messages SET sent_at_ms = ?').run(Date.now());
  db.prepare('UPDATE objects SET modified_at_ms = ?').run(Date.now());
  db.close();
  return dataDir;
}

describe('a data folder that imgcls 0.1.0 wrote', () => {
  it('is read: jobs, outcomes, dead letters and what the controller reported', async () => {
    const dataDir = await olderDataDir();
    expect(lines((await run(dataDir, 'jobs', '--format', 'ndjson')).stdout)).toMatchObject([
      { id: WAITING, state: 'sealed', total: 2, done: 0, errors: 0 },
      { id: CANCELLED, state: 'cancelled', total: 1, done: 0 },
      {
        id: FINISHED,
        state: 'finished',
        attempt: 2,
        total: 3,
        done: 3,
        errors: 1,
        imagesPerSecond: 0.625130235465722,
      },
    ]);
    const results = await run(dataDir, 'results', FINISHED, '--format', 'ndjson');
    expect(lines(results.stdout)).toMatchObject([
      {
        index: 0,
        name: 'red.png',
        label: 'velvet',
        wnid: 'n04525038',
        score: 0.0610709837903067,
        warning: 'low_resolution',
      },
      { index: 1, name: 'green "leaf", one.png', label: 'jellyfish', model: 'efficientnet-lite0/int8' },
      { index: 2, name: 'broken.jpg', error: { code: 'not_an_image' } },
    ]);
    expect(results.code).toBe(3);
    const categories = await run(dataDir, 'results', FINISHED, '--level', 'category');
    expect(categories.stdout).toMatch(/^red\.png, \n/);
    expect(categories.stderr).toMatch(
      /^warning: 2 images without a category: .* run "imgcls label --fresh"\.$/m,
    );
    const letter = JSON.parse((await run(dataDir, 'dlq', 'show', '7')).stdout);
    expect(letter).toMatchObject({ messageId: '7', job: FINISHED, body: '{"v":1,"job":"nonsense"}' });
    const status = JSON.parse((await run(dataDir, 'status', '--format', 'json')).stdout);
    expect(status).toMatchObject({
      lock: { epoch: 3 },
      report: { driver: 'process', policy: 'backlog', target: 0, measured: { bootMs: 379 } },
      requests: { waiting: 1 },
      jobs: [{ id: WAITING, total: 2, done: 0 }],
    });
  });

  it('is continued: the waiting job finishes, and the failed image is tried a third time', async () => {
    const dataDir = await olderDataDir();
    const waited = await run(dataDir, 'results', WAITING, '--wait', '--format', 'ndjson');
    expect(lines(waited.stdout)).toMatchObject([
      { index: 0, name: 'blue.png', label: expect.any(String) },
      { index: 1, name: 'grey.png', label: expect.any(String) },
    ]);
    expect(waited.code).toBe(0);
    expect((await run(dataDir, 'retry', FINISHED)).stdout).toMatch(/^broken\.jpg, error: not_an_image$/m);
    expect(lines((await run(dataDir, 'jobs', FINISHED, '--format', 'ndjson')).stdout)).toMatchObject([
      { id: FINISHED, attempt: 3, state: 'finished', errors: 1 },
    ]);
    expect(await processesOf(dataDir)).toEqual([]);
  });
});
