/** The library as programs use it: one client, one image without a job, the list of jobs. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, type ImgclsClient } from '../../src/index.ts';

const SAMPLES = path.resolve(import.meta.dirname, '../../samples');

let dataDir: string;
let client: ImgclsClient;
beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'imgcls-library-'));
  client = await createClient({ dataDir, topK: 2 });
});
afterAll(async () => {
  await client.close();
  await rm(dataDir, { recursive: true });
});

describe('a client of the library', () => {
  it('classifies one image without a job, and starts the worker for it', async () => {
    const cat = await readFile(path.join(SAMPLES, 'cat.jpg'));
    const outcome = await client.classify(cat, { name: 'a cat' });
    expect(outcome).toMatchObject({ name: 'a cat', category: { name: 'cat' } });
    expect('labels' in outcome && outcome.labels).toHaveLength(2);
    expect(await Array.fromAsync(client.jobs())).toEqual([]);
  });

  it('says what is wrong with a file that is no image, as an outcome', async () => {
    const outcome = await client.classify(Buffer.from('not an image'));
    expect(outcome).toMatchObject({ error: { code: 'not_an_image' } });
  });

  it('ends the wait for an image with the reason of the signal', async () => {
    const reason = new Error('The caller has gone.');
    const classified = client.classify(Buffer.from('any'), { signal: AbortSignal.abort(reason) });
    await expect(classified).rejects.toBe(reason);
  });

  it('lists its jobs with their progress, newest first', async () => {
    const older = await client.submit([path.join(SAMPLES, 'cat.jpg')]);
    await Array.fromAsync(older.outcomes());
    const newer = await client.submit([SAMPLES]);
    await Array.fromAsync(newer.outcomes());
    const jobs = await Array.fromAsync(client.jobs());
    expect(jobs).toMatchObject([
      { id: newer.id, state: 'finished', done: 12, errors: 0 },
      { id: older.id, state: 'finished', done: 1, errors: 0 },
    ]);
  });

  it('names every wrong setting by the name that the program gave it', async () => {
    const given = { dataDir, topK: 1000, concurrencyy: 2 };
    await expect(createClient(given)).rejects.toMatchObject({
      kind: 'config',
      message: expect.stringMatching(
        /concurrencyy; did you mean concurrency\?[\s\S]*createClient: topK must be/,
      ),
    });
  });
});
