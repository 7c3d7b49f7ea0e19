import { Readable } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import type { Cloud, OutgoingMessage } from '../../../src/core/cloud/ports.ts';
import type { JobRecord } from '../../../src/core/job/job.ts';
import { jobKey, manifestPartKey } from '../../../src/core/job/keys.ts';
import { PreconditionFailedError } from '../../../src/core/runtime/errors.ts';
import { announceAll } from '../../../src/upload/announce.ts';
import type { StoredImage } from '../../../src/upload/store-image.ts';
import { virtualClock } from '../virtual-clock.ts';

const job: JobRecord = {
  v: 1,
  id: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
  state: 'open',
  createdAtMs: 0,
  inputs: ['s3://photos'],
  include: [],
  exclude: [],
  topK: 1,
  model: { name: 'm', version: '1', variant: 'int8', sha256: 'ab'.repeat(32) },
  attempt: 1,
  retried: [],
};
const part = (n: number) => manifestPartKey(job.id, { attempt: 1, part: n });

/** A cloud whose sends wait until the test lets them go on. */
function slowQueue() {
  const objects = new Map<string, string>([[jobKey(job.id), JSON.stringify(job)]]);
  const events: string[] = [];
  const sends: { go(): void; fail(error: Error): void }[] = [];
  const output = {
    bucket: 'output',
    async get(key: string) {
      return { info: { etag: '"1"' }, body: Buffer.from(objects.get(key) ?? '') };
    },
    async put(key: string, body: Uint8Array, { only }: { only?: unknown } = {}) {
      if (only === 'absent' && objects.has(key)) throw new PreconditionFailedError('output', key);
      objects.set(key, Buffer.from(body).toString());
      events.push(key);
    },
  };
  const send = (messages: readonly OutgoingMessage[]) =>
    new Promise<void>((go, fail) => {
      expect(messages.length).toBeGreaterThan(0);
      sends.push({ go, fail });
    });
  const cloud = { cluster: 'c', output, queues: { open: () => ({ send }) } } as unknown as Cloud;
  return { cloud, objects, events, sends };
}

async function* images(count: number): AsyncGenerator<StoredImage> {
  for (let index = 0; index < count; index++) {
    const name = `${index}.jpg`;
    const entry = { index, name, source: `s3://photos/${name}`, bytes: 1, bucket: 'photos', key: name };
    yield { entry, sentBytes: 0 };
  }
}

/** Gives so many images, and then none until it is to end. */
const stalling = (count: number, ended: AbortSignal): AsyncIterable<StoredImage> =>
  Readable.from(images(count + 1)).map(
    (image: StoredImage) =>
      image.entry.index < count
        ? image
        : new Promise((_, reject) => ended.addEventListener('abort', () => reject(new Error('ended')))),
    { signal: ended },
  ) as AsyncIterable<StoredImage>;

const options = (cloud: Cloud) => ({
  cloud,
  job,
  before: { images: 0, parts: 0 },
  clock: { ...virtualClock(), sleep: () => new Promise<void>(() => {}) },
});

describe('an announcement', () => {
  it('writes the parts in order while the requests of four of them are sent', async () => {
    const { cloud, events, sends, objects } = slowQueue();
    const announced = announceAll(() => images(16 + 32 + 64 + 128 + 256 + 512 + 10), options(cloud));
    await vi.waitFor(() => expect(events).toHaveLength(5));
    expect(events, 'the fifth part is in the manifest, and waits').toEqual([0, 1, 2, 3, 4].map(part));
    expect(sends).toHaveLength(4);
    sends[2]?.go();
    await vi.waitFor(() => expect(events).toHaveLength(7));
    expect(events.slice(5).sort()).toEqual([part(2).replace('ndjson', 'announced'), part(5)].sort());
    const go = setInterval(() => {
      for (const one of sends) one.go();
    });
    await announced.finally(() => clearInterval(go));
    expect(JSON.parse(objects.get(jobKey(job.id)) ?? '')).toMatchObject({ state: 'sealed', total: 1018 });
    const marks = events.filter((key) => key.endsWith('.announced'));
    expect(marks).toHaveLength(7);
    expect(events.indexOf(jobKey(job.id)), 'the job is sealed last').toBe(events.length - 1);
  });

  it('ends with the error of the queue, also while its source gives no image', async () => {
    const { cloud, events, sends } = slowQueue();
    const announced = announceAll((ended) => stalling(48, ended), options(cloud));
    await vi.waitFor(() => expect(sends).toHaveLength(2));
    sends[1]?.fail(new Error('access denied'));
    sends[0]?.go();
    await expect(announced).rejects.toThrow('access denied');
    expect(events, 'only the part whose requests were sent is marked').toEqual([
      part(0),
      part(1),
      part(0).replace('ndjson', 'announced'),
    ]);
  });

  it('ends when the job is cancelled, also while its source gives no image', async () => {
    const { cloud, objects, sends } = slowQueue();
    objects.set(jobKey(job.id), JSON.stringify({ ...job, state: 'cancelled' }));
    const announced = announceAll((ended) => stalling(16, ended), options(cloud));
    await vi.waitFor(() => expect(sends).toHaveLength(1));
    sends[0]?.go();
    expect(await announced).toMatchObject({ state: 'cancelled' });
  });

  it('sends nothing for a part that another submitter has written', async () => {
    const { cloud, objects, sends } = slowQueue();
    objects.set(part(0), 'of another submitter');
    await expect(announceAll(() => images(20), options(cloud))).rejects.toThrow('Another process');
    expect(sends).toHaveLength(0);
  });
});
