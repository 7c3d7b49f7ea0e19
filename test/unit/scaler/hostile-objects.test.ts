/** Foreign objects under the keys that the controller and others read. */
import { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { createS3Store } from '../../../src/aws/s3-store.ts';
import type { ListedObject, Store } from '../../../src/core/cloud/ports.ts';
import { MAX_STATUS_BYTES } from '../../../src/core/fleet/fleet.ts';
import { PoisonError } from '../../../src/core/runtime/errors.ts';
import { WorkerStatusReader } from '../../../src/scaler/statuses.ts';
import { UnfinishedJobs } from '../../../src/scaler/unfinished-jobs.ts';
import { virtualClock } from '../virtual-clock.ts';

const JOBS = ['01ARZ3NDEKTSV4RRFFQ69G5FAV', '01ARZ3NDEKTSV4RRFFQ69G5FAW'];
const listed = (key: string, bytes = 1): ListedObject => ({ key, bytes, etag: key, modifiedAtMs: 0 });

/** A store of texts that records which keys were read. */
function storeOf(objects: readonly (ListedObject & { text: string })[]) {
  const read: string[] = [];
  const store = {
    async *list(prefix: string) {
      for (const object of objects) if (object.key.startsWith(prefix)) yield object;
    },
    async get(key: string) {
      read.push(key);
      const object = objects.find((each) => each.key === key);
      if (object === undefined) throw new Error(`There is no ${key}.`);
      return { info: object, body: Buffer.from(object.text) };
    },
  };
  return { read, store: store as unknown as Store };
}

describe('the controller', () => {
  it('reads the other jobs if the record of one is invalid', async () => {
    const record = {
      v: 1,
      id: JOBS[1],
      state: 'open',
      createdAtMs: 0,
      inputs: [],
      include: [],
      exclude: [],
      topK: 1,
      model: { name: 'm', version: '1', variant: 'fp32', sha256: 'a'.repeat(64) },
    };
    const texts = ['{"v":1}', JSON.stringify(record)];
    const { store } = storeOf(
      JOBS.flatMap((id, place) => [
        { ...listed(`active/${id}`), text: '' },
        { ...listed(`jobs/${id}/job.json`), text: texts[place] ?? '' },
      ]),
    );
    const jobs = await new UnfinishedJobs(store, virtualClock()).read();
    expect(jobs.map(({ id }) => id)).toEqual([JOBS[1]]);
  });

  it('does not read a status that is larger than any worker writes', async () => {
    const { store, read } = storeOf([
      { ...listed('fleet/i-1.json', MAX_STATUS_BYTES + 1), text: '{}' },
      { ...listed('fleet/i-2.json'), text: '{}' },
    ]);
    const workers = await new WorkerStatusReader(store, virtualClock()).read();
    expect([[...workers.keys()], read]).toEqual([['i-2'], ['fleet/i-2.json']]);
  });
});

describe('a bucket', () => {
  it('refuses to read an object that does not fit into memory', async () => {
    const body = new Readable({ read() {} });
    const answer = { Body: body, ETag: '"e"', ContentLength: 64 * 1024 * 1024 + 1, LastModified: new Date() };
    const client = { send: async () => answer } as unknown as S3Client;
    await expect(createS3Store(client, 'ours').get('jobs/job.json')).rejects.toThrow(PoisonError);
    expect(body.destroyed).toBe(true);
  });
});
