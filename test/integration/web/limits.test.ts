import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import type { Client } from '../../../src/client/client.ts';
import { DiskFullError } from '../../../src/core/runtime/errors.ts';
import type { AppOptions } from '../../../src/web/app.ts';
import { until } from '../../contract/until.ts';
import { MODEL } from '../worker-harness.ts';
import { LIMITS, openService } from './service.ts';

const TOKEN = 'correct horse battery staple';
const cat = await readFile(path.join(import.meta.dirname, '../../../samples/cat.jpg'));

let service: Awaited<ReturnType<typeof openService>>;
afterEach(async () => await service.close());

const form = (parts: readonly string[]) =>
  Buffer.from([...parts.map((part) => `--b\r\n${part}\r\n`), '--b--\r\n'].join(''), 'latin1');
const file = (name: string, content: string) =>
  `Content-Disposition: form-data; name="files"; filename="${name}"\r\nContent-Type: image/jpeg\r\n\r\n${content}`;
const multipart = { 'content-type': 'multipart/form-data; boundary=b', host: 'localhost' };
const store = (async ({ body }: { body: { open(): Readable } }) => {
  await buffer(body.open());
  return { kind: 'stored' };
}) as unknown as Client['store'];

/** Numbers below 2^32 (xorshift32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Cuts, repeats, drops or changes bytes of a form, one to three times. */
function broken(whole: Buffer, random: (below: number) => number): Buffer {
  let bytes = Buffer.from(whole);
  for (let round = random(3); round >= 0; round--) {
    const at = random(bytes.length + 1);
    const to = Math.min(bytes.length, at + 1 + random(60));
    const [before, middle, after] = [bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)];
    const parts = [
      [before],
      [before, after],
      [before, middle, middle, after],
      [before, Buffer.from(middle.map((byte) => byte ^ random(256))), after],
      [before, Buffer.from('\r\n--b'), middle, after],
      [before, Buffer.from('--b--'), after],
    ][random(6)] as Buffer[];
    bytes = Buffer.concat(parts);
  }
  return bytes;
}

/** Each kind of mistake is among so many: the rarest, a form without files, is in one of 1,400. */
const FORMS = 2000;

describe('a broken form', () => {
  it('is the mistake of its sender, however it is broken', async () => {
    service = await openService({ store });
    const jpeg = cat.toString('latin1', 0, 300);
    const whole = form([
      file('a.jpg', jpeg),
      'Content-Disposition: form-data; name="topK"\r\n\r\n3',
      file('b.jpg', jpeg),
      file('large.jpg', jpeg.repeat(10)),
    ]);
    const statuses: Record<number, number> = {};
    const mistakes = new Set<string>();
    let seeds = 0;
    const sendMany = async () => {
      while (seeds < FORMS) {
        const seed = ++seeds;
        const payload = broken(whole, randomFrom(seed));
        const { statusCode, body } = await service.app.inject({
          method: 'POST',
          url: '/v1/jobs',
          headers: multipart,
          payload,
        });
        expect([400, 413, 422], `seed ${seed}: ${body}`).toContain(statusCode);
        statuses[statusCode] = (statuses[statusCode] ?? 0) + 1;
        mistakes.add(JSON.parse(body).detail);
      }
    };
    await Promise.all(Array.from({ length: 16 }, sendMany));
    // Not all are refused, and not all come through.
    expect(statuses[400]).toBeGreaterThan(FORMS / 20);
    expect(statuses[422]).toBeGreaterThan(FORMS / 100);
    for (const mistake of [/Unexpected end/, /no files/, /Unrecognized key/, /topK.*expected number/])
      expect([...mistakes]).toContainEqual(expect.stringMatching(mistake));
    expect(service.lines.filter(({ level }) => level === 'error')).toEqual([]);
  }, 120_000);
});

describe('a full disk', () => {
  it('is a 507 with a hint that does not tell strangers the folder', async () => {
    service = await openService({
      store: () =>
        Promise.reject(new DiskFullError('The embedded cloud in /secret failed: full.', undefined)),
    });
    const answer = await service.app.inject({
      method: 'POST',
      url: '/v1/jobs',
      headers: multipart,
      payload: form([file('a.jpg', cat.toString('latin1', 0, 300))]),
    });
    expect(answer.statusCode).toBe(507);
    expect(answer.json()).toMatchObject({ title: 'Insufficient Storage', hint: expect.any(String) });
    expect(answer.body).not.toContain('/secret');
    expect(service.lines).toMatchObject([{ level: 'error', fields: { status: 507 } }]);
  });
});

describe('unfinished images', () => {
  const headers = { 'content-type': 'image/jpeg', 'content-length': cat.length };
  /** Begins to send an image from this address of the machine, and does not go on until `finish`. */
  function begin(localAddress: string, own: OutgoingHttpHeaders = headers) {
    const { port } = service.app.server.address() as AddressInfo;
    const to = { host: '127.0.0.1', port, path: '/v1/classify', method: 'POST', agent: false as const };
    const sent = request({ ...to, localAddress, headers: own });
    sent.write(cat.subarray(0, 100));
    const answer = once(sent, 'response').then(([response]: IncomingMessage[]) => {
      response?.resume();
      return [response?.statusCode, response?.headers['retry-after']];
    });
    answer.catch(() => {});
    return { answer, finish: () => sent.end(cat.subarray(100)), leave: () => sent.destroy() };
  }
  const finished = (localAddress: string) => {
    const one = begin(localAddress);
    one.finish();
    return one.answer;
  };
  const listen = async (options: Partial<AppOptions> = {}) => {
    const outcome = { index: 0, name: '', error: { code: 'decode_failed', message: 'Broken.' } };
    service = await openService(
      { classify: async () => outcome as never },
      { selectModel: async () => ({ model: MODEL }), ...options },
    );
    await service.app.listen({ host: '127.0.0.1', port: 0 });
  };

  it('take the places of their sender only, and give them back', async () => {
    await listen();
    const unfinished = Array.from({ length: 20 }, () => begin('127.0.0.1'));
    const refused = await Promise.race(unfinished.map(({ answer }) => answer));
    expect(refused).toEqual([429, '1']);
    expect(await finished('127.0.0.2')).toEqual([422, undefined]);
    for (const { finish } of unfinished) finish();
    const statuses = (await Promise.all(unfinished.map(({ answer }) => answer))).map(([status]) => status);
    expect(statuses.filter((status) => status === 422)).toHaveLength(16);
    expect(statuses.filter((status) => status === 429)).toHaveLength(4);
    expect(await finished('127.0.0.1')).toEqual([422, undefined]);
  });

  it('take bytes as well: those that they announce, or the largest image', async () => {
    await listen({ limits: { ...LIMITS, classifyBytes: 16 * 1024 * 1024 } });
    const chunked = { 'content-type': 'image/jpeg', 'transfer-encoding': 'chunked' };
    const own = [begin('127.0.0.1', chunked), begin('127.0.0.1', chunked), begin('127.0.0.1', chunked)];
    expect(await Promise.race(own.map(({ answer }) => answer))).toEqual([429, '1']);
    const others = [begin('127.0.0.2', chunked), begin('127.0.0.2', chunked), begin('127.0.0.2', chunked)];
    expect(await Promise.race(others.map(({ answer }) => answer))).toEqual([429, '1']);
    expect(await finished('127.0.0.3')).toEqual([503, '1']);
    for (const { leave } of [...own, ...others]) leave();
    await until('their bytes are free again', async () =>
      (await finished('127.0.0.3'))[0] === 422 ? true : undefined,
    );
  });
});

describe('images to classify', () => {
  it('go to the workers three of a caller at a time', async () => {
    const gate = Promise.withResolvers<void>();
    const withWorkers: string[] = [];
    const outcome = { index: 0, name: '', error: { code: 'decode_failed', message: 'Broken.' } };
    const classify = (async (_: unknown, { caller }: { caller: string }) => {
      withWorkers.push(caller);
      await gate.promise;
      return outcome;
    }) as unknown as Client['classify'];
    service = await openService({ classify }, { selectModel: async () => ({ model: MODEL }) });
    const send = async (remoteAddress: string) => {
      const own = { 'content-type': 'image/jpeg', host: 'localhost' };
      const to = { method: 'POST', url: '/v1/classify', headers: own, payload: cat, remoteAddress } as const;
      return (await service.app.inject(to)).statusCode;
    };
    const greedy = Array.from({ length: 10 }, () => send('198.51.100.1'));
    await until('three of them are with the workers', async () => withWorkers.length === 3 || undefined);
    const modest = send('198.51.100.2');
    await until('the other one is, too', async () => withWorkers.length === 4 || undefined);
    expect(new Set(withWorkers).size).toBe(2);
    gate.resolve();
    expect(await Promise.all([...greedy, modest])).toEqual(Array(11).fill(422));
    expect(withWorkers).toHaveLength(11);
  });
});

describe('wrong tokens', () => {
  it('shut out their address for a minute, and are one line of the log', async () => {
    service = await openService({}, { token: TOKEN });
    const ask = (remoteAddress: string, token: string) =>
      service.app.inject({
        url: '/v1/server',
        headers: { authorization: `Bearer ${token}`, host: 'localhost' },
        remoteAddress,
      });
    const statuses: number[] = [];
    for (let at = 0; at < 500; at++) statuses.push((await ask('198.51.100.1', `guess ${at}`)).statusCode);
    expect(statuses).toEqual([...Array(20).fill(401), ...Array(480).fill(429)]);
    const right = await ask('198.51.100.1', TOKEN);
    expect(right.statusCode).toBe(429);
    expect(Number(right.headers['retry-after'])).toBeGreaterThan(50);
    expect((await ask('198.51.100.2', TOKEN)).statusCode).toBe(200);
    expect(service.lines.map(({ fields }) => fields.status)).toEqual([401, 429]);
  });

  it('and unknown paths count as requests', async () => {
    service = await openService({}, { token: TOKEN, limits: { ...LIMITS, requestsPerMinute: 5 } });
    const ask = (url: string) => service.app.inject({ url, headers: { host: 'localhost' } });
    for (let at = 0; at < 5; at++) expect((await ask(`/nowhere/${at}`)).statusCode).toBe(401);
    const sixth = await ask('/v1/jobs');
    expect(sixth.statusCode).toBe(429);
    expect(sixth.headers['retry-after']).toBeDefined();
    expect((await ask('/healthz')).statusCode).toBe(200);
  });
});

describe('GET /v1/server', () => {
  it('shows the limits', async () => {
    service = await openService({});
    const { limits } = (
      await service.app.inject({ url: '/v1/server', headers: { host: 'localhost' } })
    ).json();
    expect(limits).toEqual({
      ...LIMITS,
      classifyPlaces: 32,
      labelPlaces: 8,
      picturePlaces: 512,
      fetchingJobs: 4,
      namedInputs: 1000,
      searchPlaces: 16,
      classifyBodyBytes: 64 * 1024 * 1024,
      classifyAtATime: 3,
      spoolBytes: 4 * 9 * LIMITS.imageBytes,
      callerShare: 0.5,
      bodyBytes: 256 * 1024,
      bodyBytesPerNamedImage: 1536,
      bodyBytesPerSecond: 1024,
      bodyGraceMs: 15_000,
      idleTimeoutMs: Math.max(60_000, LIMITS.classifyTimeoutMs + 15_000),
      wrongTokensPerMinute: 20,
    });
  });
});
