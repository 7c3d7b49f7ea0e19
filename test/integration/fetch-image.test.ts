import { createHash, hash } from 'node:crypto';
import dns from 'node:dns';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, LookupFunction } from 'node:net';
import { networkInterfaces } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ImageError } from '../../src/core/model/outcome.ts';
import { onAbort } from '../../src/core/runtime/abort.ts';
import { ImageFetcher, type ImageFetcherOptions } from '../../src/upload/web/fetch-image.ts';
import { SAMPLES_DIR } from './model/support.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const MIB = 1024 * 1024;
const cat = await readFile(path.join(SAMPLES_DIR, 'cat.jpg'));
const PAGE = '<!doctype html><html><body>Gallery</body></html>';

/** By path. */
const answers = new Map<string, Answer>();
let requests: string[] = [];
const server = createServer((request, response) => {
  requests.push(request.url ?? '');
  const answer = answers.get(request.url ?? '');
  if (answer === undefined) response.writeHead(404).end();
  else answer(request, response);
});
let port: number;
beforeAll(async () => {
  // All interfaces: one test comes from another than loopback.
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const fetchers: ImageFetcher[] = [];
afterEach(() => {
  for (const fetcher of fetchers.splice(0)) fetcher.close();
  answers.clear();
  requests = [];
});

/** Pauses take no time. Time limits end when the test says so. */
function gatedClock() {
  let nowMs = 0;
  const pauses: number[] = [];
  const limits = new Map<number, (() => void)[]>([
    [20_000, []],
    [120_000, []],
  ]);
  return {
    pauses,
    monotonicMs: () => nowMs,
    sleep(ms: number, signal?: AbortSignal) {
      const limit = limits.get(ms);
      if (limit === undefined) {
        if (ms > 0) pauses.push(ms);
        nowMs += ms;
        return Promise.resolve();
      }
      return new Promise<void>((resolve) => {
        limit.push(resolve);
        if (signal !== undefined) onAbort(signal, resolve);
      });
    },
    expire(ms: number) {
      for (const resolve of limits.get(ms)?.splice(0) ?? []) resolve();
    },
  };
}

function open(options: Partial<ImageFetcherOptions> = {}) {
  const clock = gatedClock();
  const fetcher = new ImageFetcher({
    clock,
    random: () => 0.5,
    maxImageBytes: 16 * MIB,
    lookup: dns.lookup,
    ...options,
  });
  fetchers.push(fetcher);
  const signal = new AbortController().signal;
  return {
    clock,
    fetch: (at: string) => fetcher.fetch(at.startsWith('/') ? `http://127.0.0.1:${port}${at}` : at, signal),
  };
}

const serve =
  (body: Buffer | string, headers: Record<string, string> = {}, status = 200): Answer =>
  (_, response) =>
    response.writeHead(status, headers).end(body);
const redirect = (location: string): Answer => serve('', { location }, 302);

/** Sends a photograph's beginning, and nothing more. */
const sendHead = (response: ServerResponse) => response.writeHead(200).write(cat.subarray(0, 5000));

const CAT = { sha256: hash('sha256', cat) };

describe('an address of the web', () => {
  it.each<[string, Answer]>([
    ['with a wrong type', serve(cat, { 'content-type': 'text/html' })],
    ['of a server that compresses unasked', serve(gzipSync(cat), { 'content-encoding': 'gzip' })],
    ['without a length', (_, response) => response.writeHead(200).end(cat)],
    ['behind redirects', redirect('/2')],
  ])('%s gives the image', async (_, answer) => {
    answers.set('/a', answer);
    answers.set('/2', redirect('3.jpg'));
    answers.set('/3.jpg', serve(cat));
    expect(await open().fetch('/a')).toMatchObject(CAT);
  });

  it.each<[string, Answer, ImageError['code'], RegExp]>([
    ['nothing', serve('', {}, 404), 'missing', /127\.0\.0\.1:\d+ answered 404 Not Found\.$/],
    ['a refusal', serve('', {}, 403), 'unreadable', /answered 403 Forbidden\.$/],
    [
      'a page',
      serve(PAGE, { 'content-type': 'text/html' }),
      'not_an_image',
      /^The address is a web page, not an im/,
    ],
    [
      'a page that claims to be a JPEG',
      serve(PAGE, { 'content-type': 'image/jpeg' }),
      'not_an_image',
      /web page/,
    ],
    ['no bytes', serve(''), 'not_an_image', /empty/],
    ['a video', serve(Buffer.from('\x1a\x45\xdf\xa3 and more', 'latin1')), 'not_an_image', /video/],
    ['a loop', redirect('/a'), 'unreadable', /redirects more than 5 times/],
    ['a file of the machine', redirect('file:///etc/passwd'), 'unreadable', /not an address of http/],
    ['a password', redirect('http://a:b@127.0.0.1/'), 'unreadable', /has a user name or password/],
    [
      'too much, as it says',
      serve(cat, { 'content-length': String(2 ** 40) }),
      'too_large',
      /1099511627776 bytes/,
    ],
    ['broken gzip', serve(cat, { 'content-encoding': 'gzip' }), 'unreadable', /compressed data are damaged/],
    [
      'an unknown encoding',
      serve(cat, { 'content-encoding': 'rot13' }),
      'unreadable',
      /"rot13" is not known/,
    ],
  ])('that leads to %s gives the image an error', async (_, answer, code, message) => {
    answers.set('/a', answer);
    const found = await open().fetch('/a');
    expect(found).toEqual({ code, message: expect.stringMatching(message) });
  });

  it.each([
    ['of no end', (response: ServerResponse) => response],
    [
      'that decompresses to no end',
      (response: ServerResponse) => response.setHeader('content-encoding', 'gzip'),
    ],
  ])('with a body %s is read up to the limit', async (_, prepare) => {
    answers.set('/a', (_request, response) => {
      const isGzip = prepare(response).hasHeader('content-encoding');
      const block = Buffer.concat([cat, Buffer.alloc(MIB)]);
      const sent = isGzip ? gzipSync(Buffer.concat([block, Buffer.alloc(8 * MIB)])) : block;
      const send = () => {
        while (!response.destroyed && response.write(sent));
      };
      response.on('drain', send);
      send();
    });
    expect(await open({ maxImageBytes: 2 * MIB }).fetch('/a')).toMatchObject({ code: 'too_large' });
    await expect.poll(() => openSockets()).toBe(0);
  });

  it('with a large image is kept on the disk, not in memory', async () => {
    const large = Buffer.concat([cat, Buffer.alloc(9 * MIB, 1)]);
    answers.set('/a', serve(large));
    const found = await open().fetch('/a');
    if (!('body' in found) || !('open' in found.body)) throw new Error('in memory');
    const sha = createHash('sha256');
    for await (const chunk of found.body.open()) sha.update(chunk as Buffer);
    expect([found.body.bytes, sha.digest('hex')]).toEqual([large.length, hash('sha256', large)]);
    expect(found.sha256).toBe(hash('sha256', large));
    await found.release();
  });

  it('is asked again after the pause that its server names', async () => {
    let busy = 2;
    answers.set('/a', (request, response) =>
      serve(cat, { 'retry-after': '7' }, busy-- > 0 ? 429 : 200)(request, response),
    );
    const { clock, fetch } = open();
    expect(await fetch('/a')).toMatchObject(CAT);
    expect(requests).toHaveLength(3);
    expect(clock.monotonicMs()).toBe(14_000);
  });

  it('is not asked again if its server wants to wait for an hour', async () => {
    answers.set('/a', serve('', { 'retry-after': '3600' }, 503));
    expect(await open().fetch('/a')).toMatchObject({
      message: expect.stringContaining('asks to wait 3600 s'),
    });
    expect(requests).toHaveLength(1);
  });

  it.each<[string, Answer, RegExp]>([
    ['fails', serve('', {}, 500), /answered 500/],
    ['hangs up', (_, response) => void response.destroy(), /closed the connection/],
    [
      'hangs up in the middle',
      (_, response) => {
        sendHead(response);
        response.destroy();
      },
      /closed the connection/,
    ],
  ])('of a server that %s is asked three times', async (_, answer, message) => {
    answers.set('/a', answer);
    expect(await open().fetch('/a')).toMatchObject({
      code: 'unreadable',
      message: expect.stringMatching(message),
    });
    expect(requests).toHaveLength(3);
  });

  it.each<[string, Answer, number]>([
    ['does not answer', () => {}, 20_000],
    ['stops in the middle', (_, response) => void sendHead(response), 120_000],
  ])('of a server that %s has a time limit', async (_, answer, limitMs) => {
    answers.set('/a', answer);
    const { clock, fetch } = open();
    const found = fetch('/a');
    for (let tries = 1; tries <= 3; tries++) {
      await expect.poll(() => requests.length).toBe(tries);
      clock.expire(limitMs);
    }
    expect(await found).toMatchObject({
      code: 'unreadable',
      message: expect.stringContaining(`it took more than ${limitMs / 1000} s`),
    });
    await expect.poll(() => openSockets()).toBe(0);
  });

  it('of a server that stops in the middle every time is not asked again', async () => {
    answers.set('/a', (_, response) => void sendHead(response));
    const { clock, fetch } = open();
    const found = (async () => [
      await fetch('/a'),
      await fetch('/a'),
      await fetch('/a'),
      await fetch('/a'),
    ])();
    for (let asked = 1; asked <= 8; asked++) {
      await expect.poll(() => requests.length, { interval: 5 }).toBe(asked);
      clock.expire(120_000);
    }
    const silent = { message: expect.stringContaining('has not answered several times in a row') };
    expect((await found).slice(2)).toMatchObject([silent, silent]);
    expect(requests).toHaveLength(8);
  });

  it('of no server is an error', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port: free } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    expect(await open().fetch(`http://127.0.0.1:${free}/a`)).toMatchObject({
      message: expect.stringContaining('refused the connection'),
    });
  });
});

describe('a service that may fetch', () => {
  /** Every name has these addresses, the next time the next ones. */
  function resolving(...found: string[][]) {
    let calls = 0;
    const lookup: LookupFunction = (_host, _options, callback) => {
      const addresses = found[Math.min(calls++, found.length - 1)] ?? [];
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
    };
    return { lookup, calls: () => calls };
  }

  it.each([
    'http://127.0.0.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[::1]/',
    'http://[::ffff:10.0.0.1]/',
    'http://[fd00:ec2::254]/',
    'http://0x7f000001/',
    'http://2130706433/',
    'http://127.1/',
  ])('from public addresses refuses %s', async (address) => {
    expect(await open({ allowUrls: ['public'] }).fetch(address)).toMatchObject({
      code: 'unreadable',
      message: expect.stringContaining('is in a private network or on this machine'),
    });
  });

  it.each([[['127.0.0.1']], [['10.0.0.1', '::1']], [['::ffff:169.254.169.254']], [['64:ff9b::7f00:1']]])(
    'from public addresses refuses a name that resolves to %j',
    async (addresses) => {
      const { lookup, calls } = resolving(addresses);
      const { fetch } = open({ allowUrls: ['public'], lookup });
      expect(await fetch('http://photos.test/a')).toMatchObject({
        message: 'Cannot fetch the image: photos.test is in a private network or on this machine.',
      });
      expect(calls()).toBe(1);
    },
  );

  it('resolves a name once, for the connection: a later answer of the name server has no effect', async () => {
    answers.set('/a', serve(cat));
    const { lookup, calls } = resolving(['127.0.0.1'], ['169.254.169.254']);
    const { fetch } = open({ allowUrls: [`photos.test:${port}`], lookup });
    expect(await fetch(`http://photos.test:${port}/a`)).toMatchObject(CAT);
    expect(calls()).toBe(1);
  });

  it.each(['http://127.0.0.2:PORT/b', 'http://169.254.169.254/', 'http://localhost/'])(
    'from one host is not led to %s',
    async (to) => {
      answers.set('/a', redirect(to.replace('PORT', String(port))));
      answers.set('/b', serve(cat));
      const { fetch } = open({ allowUrls: ['public', `127.0.0.1:${port}`] });
      expect(await fetch('/a')).toMatchObject({
        code: 'unreadable',
        message: expect.stringMatching(/may not fetch from|is in a private network or on this machine/),
      });
      expect(requests).toEqual(['/a']);
    },
  );
});

/** An address of this machine that is not its own alone. */
const otherAddress = Object.values(networkInterfaces())
  .flatMap((all) => all ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address;

describe.skipIf(otherAddress === undefined)('a server of another network', () => {
  it('does not lead a person who may fetch from anywhere to this machine', async () => {
    answers.set('/a', redirect(`http://127.0.0.1:${port}/b`));
    answers.set('/b', serve(cat));
    const { fetch } = open();
    expect(await fetch(`http://${otherAddress}:${port}/a`)).toMatchObject({
      message: expect.stringContaining('127.0.0.1 is in a private network or on this machine'),
    });
    expect(await fetch('/b')).toMatchObject(CAT);
  });
});

describe('the connections of a job', () => {
  it('are closed when nothing uses them, though the server would keep them', async () => {
    const closed = new Promise<void>((resolve) => {
      server.once('connection', (socket) => socket.once('close', () => resolve()));
    });
    // Also while the body comes, a connection is in use.
    answers.set('/a', (_, response) => {
      response.writeHead(200).write(cat.subarray(0, 5000));
      setTimeout(() => response.end(cat.subarray(5000)), 3 * IDLE_MS);
    });
    server.keepAliveTimeout = 0;
    expect(await open({ idleMs: IDLE_MS }).fetch('/a')).toMatchObject(CAT);
    await closed;
  });
});

const IDLE_MS = 10;

const openSockets = () =>
  new Promise<number>((resolve, reject) => {
    server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
  });
