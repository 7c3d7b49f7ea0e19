/** What HTTP itself promises a caller: problem documents for whatever is refused, negotiation, versions, compression. */
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAX_BATCH } from '../../../src/core/job/batches.ts';
import { createJob } from '../../../src/core/job/job-record.ts';
import { writeShard } from '../../../src/core/job/shard.ts';
import { MODEL } from '../worker-harness.ts';
import { openService } from './service.ts';

let service: Awaited<ReturnType<typeof openService>>;
let port: number;
beforeAll(async () => {
  service = await openService({});
  await service.app.listen({ host: '127.0.0.1', port: 0 });
  port = (service.app.server.address() as AddressInfo).port;
});
afterAll(async () => await service.close());

/** Sends these bytes and reads until the service closes the connection. */
async function send(request: string): Promise<{ head: string; body: Record<string, unknown> }> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(request);
  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n');
  return { head, body: JSON.parse(body) };
}
const HOST = 'host: 127.0.0.1\r\nconnection: close\r\n';

describe('what is refused', () => {
  it.each([
    ['an address that cannot be decoded', `GET /v1/jobs/%ff HTTP/1.1\r\n${HOST}\r\n`, 400],
    ['headers that are too large', `GET / HTTP/1.1\r\n${HOST}x: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['a method that does not exist', `TICKLE / HTTP/1.1\r\n${HOST}\r\n`, 400],
    ['a method that no route has', `PROPFIND /v1/jobs HTTP/1.1\r\n${HOST}\r\n`, 404],
    ['bytes that are not HTTP', 'hello\r\n\r\n', 400],
    ['two Host headers', `GET /v1/server HTTP/1.1\r\nhost: elsewhere\r\n${HOST}\r\n`, 400],
    ['text', `POST /v1/jobs HTTP/1.1\r\n${HOST}content-type: text/plain\r\ncontent-length: 2\r\n\r\nhi`, 415],
  ])('has a problem document: %s', async (_, request, status) => {
    const { head, body } = await send(request);
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(head).toMatch(/^content-type: application\/problem\+json/im);
    expect(body).toMatchObject({ type: 'about:blank', status, title: expect.any(String), detail: /./ });
  });
});

describe('an unknown path', () => {
  const BROWSER = { host: 'localhost', accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
  let guarded: typeof service;
  beforeAll(async () => {
    const pageDir = await mkdtemp(path.join(tmpdir(), 'imgcls-page-'));
    await mkdir(path.join(pageDir, 'assets'));
    await writeFile(path.join(pageDir, 'index.html'), '<base href="./" />');
    guarded = await openService({}, { token: 'a token that is long enough', pageDir });
    await rm(pageDir, { recursive: true });
  });
  afterAll(async () => await guarded.close());

  it.each([
    ['/nowhere', './'],
    ['/jobs/one/more', '../../'],
    ['/jobs/one/more?from=a/b', '../../'],
    ['//', '../'],
    ['//[', '../'],
  ])('is the page for a browser, with the way home: %s', async (url, start) => {
    const answer = await guarded.app.inject({ url, headers: BROWSER });
    expect(answer.statusCode).toBe(404);
    expect(answer.headers['content-type']).toMatch(/^text\/html/);
    expect(answer.body).toBe(`<base href="${start}" />`);
  });

  it('is a problem document for a program', async () => {
    const answer = await service.app.inject({ url: '/nowhere', headers: { host: 'localhost' } });
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toMatchObject({ status: 404, detail: 'Path not found.' });
  });
});

describe('results', () => {
  const job = '01J00000000000000000000000';
  const IMAGES = 200;
  beforeAll(async () => {
    const { output } = service.cloud;
    await createJob(output, {
      v: 1,
      id: job,
      state: 'open',
      createdAtMs: 0,
      inputs: [],
      include: [],
      exclude: [],
      topK: 1,
      model: MODEL,
    });
    const outcomes = Array.from({ length: IMAGES }, (_, index) => ({
      v: 1 as const,
      index,
      name: `${index}.jpg`,
      error: { code: 'truncated' as const, message: 'The image is not complete.' },
    }));
    for (let first = 0; first < IMAGES; first += MAX_BATCH) {
      const batch = outcomes.slice(first, first + MAX_BATCH);
      const range = { attempt: 1, first, last: first + batch.length - 1 };
      await writeShard(output, job, { range, outcomes: batch }, { signal: AbortSignal.timeout(5000) });
    }
  });
  const ask = async (headers: Record<string, string>, url = `/v1/jobs/${job}/results`) =>
    await service.app.inject({ url, headers: { host: 'localhost', ...headers } });

  it.each([
    ['text/csv', /^text\/csv/],
    ['text/csv;q=0.2, application/x-ndjson;q=0.9, application/json;q=0.1', /^application\/x-ndjson/],
    ['text/*;q=0.5, application/json;q=0.4', /^text\/csv/],
    ['application/json;q=0, */*', /^application\/x-ndjson/],
    ['image/png, */*;q=0.1', /^application\/json/],
  ])('have the format that the caller likes best: %s', async (accept, type) => {
    const { statusCode, headers } = await ask({ accept });
    expect(statusCode).toBe(200);
    expect(headers['content-type']).toMatch(type);
    expect(headers.vary).toBe('accept, accept-encoding');
  });

  it.each([
    [{ accept: 'application/vnd.apache.parquet' }, ''],
    [{}, '?format=parquet'],
  ])('are Parquet for a caller that asks for it by %j and "%s"', async (headers, query) => {
    const { rawPayload, headers: got } = await ask(headers, `/v1/jobs/${job}/results${query}`);
    expect(got['content-type']).toBe('application/vnd.apache.parquet');
    const { buffer, byteOffset, byteLength } = rawPayload;
    const file = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
    const rows = await parquetReadObjects({ file });
    expect(rows).toHaveLength(IMAGES);
    expect(rows.at(-1)).toMatchObject({ index: IMAGES - 1, error_code: 'truncated', job });
  });

  it('are refused to a caller that accepts no format', async () => {
    for (const accept of ['image/png', 'text/csv;q=0'])
      expect((await ask({ accept })).json()).toMatchObject({ status: 406 });
  });

  it.each(['application/json', 'application/x-ndjson', 'text/csv'])(
    'are compressed for callers that accept gzip, and equal: %s',
    async (accept) => {
      const plain = await ask({ accept });
      expect(plain.headers['content-encoding']).toBeUndefined();
      const compressed = await ask({ accept, 'accept-encoding': 'deflate, gzip, br' });
      expect(compressed.headers['content-encoding']).toBe('gzip');
      expect(compressed.rawPayload.byteLength).toBeLessThan(plain.rawPayload.byteLength / 4);
      expect(gunzipSync(compressed.rawPayload).equals(plain.rawPayload)).toBe(true);
      const refused = await ask({ accept, 'accept-encoding': 'gzip;q=0, br' });
      expect(refused.headers['content-encoding']).toBeUndefined();
    },
  );

  it('are not compressed where they are short, nor are event streams', async () => {
    const gzip = { 'accept-encoding': 'gzip' };
    const short = await ask(gzip, `/v1/jobs/${job}/results?limit=1`);
    expect(short.headers['content-encoding']).toBeUndefined();
    const leave = new AbortController();
    const events = await fetch(`http://127.0.0.1:${port}/v1/jobs/${job}/events`, {
      headers: gzip,
      signal: leave.signal,
    });
    expect(events.headers.get('content-encoding')).toBeNull();
    leave.abort();
  });
});
