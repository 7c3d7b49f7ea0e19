import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Client } from '../../../src/client/client.ts';
import { createJob } from '../../../src/core/job/job-record.ts';
import { IDEMPOTENCY_PREFIX } from '../../../src/core/job/keys.ts';
import { MODEL } from '../worker-harness.ts';
import { LIMITS, openService } from './service.ts';

const cat = (await readFile(path.join(import.meta.dirname, '../../../samples/cat.jpg'))).subarray(0, 300);

let service: Awaited<ReturnType<typeof openService>>;
let stored: number;
beforeEach(async () => {
  stored = 0;
  const client = {
    async store({ body }: { body: { open(): Readable } }) {
      await buffer(body.open());
      stored++;
      return { kind: 'stored' };
    },
    async submit(_: unknown, { id }: { id: string }) {
      const inputs = { inputs: [], include: [], exclude: [] };
      const record = { v: 1, id, state: 'open', createdAtMs: 0, topK: 1, model: MODEL } as const;
      await createJob(service.cloud.output, { ...record, ...inputs });
      return { submitted: Promise.resolve() };
    },
  } as unknown as Partial<Client>;
  service = await openService(client, {
    selectModel: async () => ({ model: MODEL }),
    allowBuckets: ['b'],
    limits: { ...LIMITS, imageBytes: 1000 },
  });
});
afterEach(async () => await service.close());

const send = async (payload: Buffer, type: string, key: string) => {
  const headers = { 'content-type': type, host: 'localhost', 'idempotency-key': key };
  return await service.app.inject({ method: 'POST', url: '/v1/jobs', headers, payload });
};
/** @param boundary differs whenever a client builds the form again. */
const upload = (files: readonly [string, Buffer][], { topK = 3, boundary = 'b', key = 'key' } = {}) => {
  const parts = files.map(([name, bytes]) => [
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="files"; filename="${name}"\r\n`),
    Buffer.from('Content-Type: image/jpeg\r\n\r\n'),
    bytes,
    Buffer.from('\r\n'),
  ]);
  const field = `--${boundary}\r\nContent-Disposition: form-data; name="topK"\r\n\r\n${topK}\r\n--${boundary}--\r\n`;
  const body = Buffer.concat([...parts.flat(), Buffer.from(field)]);
  return send(body, `multipart/form-data; boundary=${boundary}`, key);
};
const named = (inputs: string[]) => send(Buffer.from(JSON.stringify({ inputs })), 'application/json', 'key');

const other = Buffer.concat([cat, Buffer.of(1)]);

describe('an upload that is repeated with its Idempotency-Key', () => {
  it('creates one job, and stores its images once, however its form is written', async () => {
    const first = await upload([
      ['a.jpg', cat],
      ['large.jpg', Buffer.alloc(2000, cat)],
    ]);
    expect(first.statusCode, first.body).toBe(201);
    const again = await upload(
      [
        ['a.jpg', cat],
        ['large.jpg', Buffer.alloc(2000, cat)],
      ],
      { boundary: 'other' },
    );
    expect(again.statusCode, again.body).toBe(201);
    expect(again.json().id).toBe(first.json().id);
    expect(stored).toBe(1);
  });

  it('is refused if its images, names or fields differ', async () => {
    await upload([['a.jpg', cat]]);
    for (const answer of [
      await upload([['a.jpg', other]]),
      await upload([['b.jpg', cat]]),
      await upload([
        ['a.jpg', cat],
        ['b.jpg', cat],
      ]),
      await upload([['a.jpg', cat]], { topK: 4 }),
      await named(['s3://b/x']),
    ]) {
      expect(answer.statusCode, answer.body).toBe(422);
      expect(answer.json()).toMatchObject({
        detail: expect.stringContaining('other content'),
        hint: expect.any(String),
      });
    }
    expect(stored).toBe(1);
  });

  it('is refused also while the first one is under way', async () => {
    const both = await Promise.all([upload([['a.jpg', cat]]), upload([['a.jpg', other]])]);
    expect(both.map(({ statusCode }) => statusCode).sort()).toEqual([201, 422]);
  });

  it('of an older imgcls, which did not note the content, is not refused', async () => {
    const { id } = (await upload([['a.jpg', cat]])).json();
    const [{ key } = { key: '' }] = await Array.fromAsync(service.cloud.output.list(IDEMPOTENCY_PREFIX));
    await service.cloud.output.put(key, Buffer.from(JSON.stringify({ v: 1, job: id })));
    expect((await upload([['a.jpg', other]])).json().id).toBe(id);
  });
});

describe('a request with an Idempotency-Key that names images', () => {
  it('is refused if it names others', async () => {
    const first = await named(['s3://b/x']);
    expect(first.statusCode, first.body).toBe(201);
    expect((await named(['s3://b/x'])).json().id).toBe(first.json().id);
    expect((await named(['s3://b/y'])).statusCode).toBe(422);
  });
});
