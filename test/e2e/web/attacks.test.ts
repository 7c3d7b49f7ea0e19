import { readdir, readFile } from 'node:fs/promises';
import http from 'node:http';
import { connect } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IDLE_TIMEOUT_MS, INPUTS_BYTES, MAX_BODY_BYTES } from '../../../src/web/limits.ts';
import { until } from '../../contract/until.ts';
import { type InstalledPackage, installPackage, repository, start } from '../package.ts';
import { type Answer, ask, openTemporaryFiles } from './ask.ts';
import { type Service, startService } from './up.ts';

const TOKEN = 'correct horse battery staple';
const cat = await readFile(path.join(repository, 'samples', 'cat.jpg'));

let installed: InstalledPackage;
let dataDir: string;
/** Of the service alone: tests beside these have temporary files, too. */
let temporaryDir: string;
let service: Service;
let guarded: Service;
beforeAll(async () => {
  installed = await installPackage();
  dataDir = await installed.dataDir();
  temporaryDir = await installed.dataDir();
  const small = {
    TMPDIR: temporaryDir,
    IMGCLS_MAX_IMAGE_BYTES: '100000',
    IMGCLS_MAX_REQUEST_BYTES: '400000',
    IMGCLS_MAX_FILES: '10',
    IMGCLS_MAX_CLASSIFY_BYTES: '60000',
    IMGCLS_MAX_STREAMS: '4',
  };
  service = await startService(installed.bin, dataDir, ['up'], small);
  guarded = await startService(installed.bin, await installed.dataDir(), ['serve'], { IMGCLS_TOKEN: TOKEN });
});
afterAll(async () => {
  await service?.stop();
  await guarded?.stop();
  await installed?.remove();
});

const openSession = (to: Service, token: string, headers: http.OutgoingHttpHeaders = {}) =>
  ask(
    `${to.url}/v1/session`,
    { method: 'POST', headers: { 'content-type': 'application/json', ...headers } },
    JSON.stringify({ token }),
  );

async function form(
  files: readonly [name: string, bytes: Uint8Array][],
): Promise<{ type: string; body: Buffer }> {
  const data = new FormData();
  for (const [name, bytes] of files) data.append('files', new Blob([Buffer.from(bytes)]), name);
  const response = new Response(data);
  return {
    type: response.headers.get('content-type') ?? '',
    body: Buffer.from(await response.arrayBuffer()),
  };
}

async function upload(
  url: string,
  files: readonly [string, Uint8Array][],
  headers: http.OutgoingHttpHeaders = {},
) {
  const { type, body } = await form(files);
  const length = { 'content-type': type, 'content-length': body.length };
  return await ask(`${url}/v1/jobs`, { method: 'POST', headers: { ...length, ...headers } }, body);
}

const jobsOf = async (url: string): Promise<string[]> =>
  JSON.parse((await ask(`${url}/v1/jobs?limit=100`)).body).jobs.map(({ id }: { id: string }) => id);
const spooled = async () => (await readdir(temporaryDir)).filter((name) => name.startsWith('imgcls-upload-'));

/** Expects a problem document, no new job, no temporary file, and a log line of this request. */
async function refused(answer: Answer, status: number, before: readonly string[]): Promise<void> {
  expect(answer.status, answer.body).toBe(status);
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(await jobsOf(service.url)).toEqual(before);
  expect(await spooled()).toEqual([]);
  const trace = /^00-(\w{32})-/.exec(String(answer.headers.traceparent))?.[1];
  await until('the refusal is logged', async () =>
    service
      .stderr()
      .split('\n')
      .some((line) => line.includes(`"trace":"${trace}"`) && line.includes(`"status":${status}`))
      ? true
      : undefined,
  );
}

describe('requests beyond a limit', () => {
  it('are refused by their Content-Length, and by the bytes received', async () => {
    const before = await jobsOf(service.url);
    const large = Array.from({ length: 9 }, (_, at): [string, Uint8Array] => [
      `${at}.jpg`,
      Buffer.concat([cat, Buffer.alloc(20_000, at)]),
    ]);
    await refused(await upload(service.url, large), 413, before);
    const { type, body } = await form(large);
    const chunked = await ask(
      `${service.url}/v1/jobs`,
      { method: 'POST', headers: { 'content-type': type, 'transfer-encoding': 'chunked' } },
      body,
    ).catch((error: NodeJS.ErrnoException) => error.code);
    if (typeof chunked === 'object') await refused(chunked, 413, before);
    expect(await jobsOf(service.url)).toEqual(before);
  });

  it('give only the file that is too large an error: it is not stored, and the others get labels', async () => {
    const huge = Buffer.concat([cat, Buffer.alloc(80_000)]);
    const answer = await upload(service.url, [
      ['huge.jpg', huge],
      ['cat.jpg', cat],
    ]);
    expect(answer.status).toBe(201);
    const { id } = JSON.parse(answer.body);
    const outcomes = await until('both have an outcome', async () => {
      const page = JSON.parse((await ask(`${service.url}/v1/jobs/${id}/results`)).body);
      return page.outcomes.length === 2 ? page.outcomes : undefined;
    });
    expect(outcomes[0]).toMatchObject({ name: 'huge.jpg', error: { code: 'too_large' } });
    expect(outcomes[1]).toMatchObject({ name: 'cat.jpg', label: expect.any(String) });
    expect((await ask(`${service.url}/v1/jobs/${id}/images/0`)).status).toBe(404);
  });

  it('are refused: too many files, a large JSON body, a large image to classify, giant headers', async () => {
    const before = await jobsOf(service.url);
    const many = Array.from({ length: 11 }, (_, at): [string, Uint8Array] => [`${at}.jpg`, Buffer.from('x')]);
    await refused(await upload(service.url, many), 413, before);
    const json = { 'content-type': 'application/json' };
    const inputs = JSON.stringify({ inputs: ['s3://b/'.padEnd(MAX_BODY_BYTES + INPUTS_BYTES, 'x')] });
    await refused(
      await ask(`${service.url}/v1/jobs`, { method: 'POST', headers: json }, inputs),
      413,
      before,
    );
    const image = { 'content-type': 'image/jpeg' };
    const classify = await ask(
      `${service.url}/v1/classify`,
      { method: 'POST', headers: image },
      Buffer.concat([cat, Buffer.alloc(20_000)]),
    );
    await refused(classify, 413, before);
    const headers = await ask(service.url, { headers: { 'x-giant': 'x'.repeat(20_000) } }).catch(() => ({
      status: 431,
    }));
    expect(headers.status).toBe(431);
  });

  it('are refused also while their first images are being stored', async () => {
    const before = await jobsOf(service.url);
    const stored = Array.from({ length: 9 }, (_, at): [string, Uint8Array] => [
      `${at}.jpg`,
      Buffer.concat([cat.subarray(0, 30_000), Buffer.alloc(100, at + 1)]),
    ]);
    const rest = Array.from({ length: 5 }, (_, at): [string, Uint8Array] => [
      `more-${at}.jpg`,
      Buffer.from('x'),
    ]);
    for (let round = 0; round < 5; round++)
      await refused(await upload(service.url, [...stored, ...rest]), 413, before);
  });

  it('for event streams are refused with Retry-After: one address can have half of them', async () => {
    const { body } = await upload(service.url, [['cat.jpg', cat]]);
    const { id } = JSON.parse(body);
    const streams = new AbortController();
    const open = () => fetch(`${service.url}/v1/jobs/${id}/events`, { signal: streams.signal });
    expect([(await open()).status, (await open()).status]).toEqual([200, 200]);
    const third = await open();
    expect(third.status).toBe(429);
    expect(third.headers.get('retry-after')).toBe('10');
    streams.abort();
    await until('a stream is free again', async () => {
      const again = new AbortController();
      const { status } = await fetch(`${service.url}/v1/jobs/${id}/events`, { signal: again.signal });
      again.abort();
      return status === 200 ? true : undefined;
    });
  });
});

describe('slow requests', () => {
  /** Sends `head`, then a byte a second, until the connection is closed. @returns the time until then. */
  const trickle = (head: string): Promise<number> =>
    new Promise((resolve) => {
      const began = performance.now();
      const { hostname, port } = new URL(service.url);
      const socket = connect(Number(port), hostname);
      socket.write(head);
      const timer = setInterval(() => socket.write('x'), 1000);
      socket.on('error', () => {});
      socket.on('close', () => {
        clearInterval(timer);
        resolve(performance.now() - began);
      });
      socket.resume();
    });

  it('are disconnected, in headers and bodies, and leave nothing behind', async () => {
    const key = { 'idempotency-key': 'known' };
    await upload(service.url, [['cat.jpg', cat]], key);
    const before = await jobsOf(service.url);
    const host = new URL(service.url).host;
    const post = `POST /v1/jobs HTTP/1.1\r\nHost: ${host}\r\n`;
    const type = 'Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 90000\r\n\r\n';
    const part = '--b\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n';
    const tookMs = await Promise.all([
      trickle(`${post}X-Slow: `),
      trickle(`${post}${type}${part}`),
      trickle(`${post}Idempotency-Key: known\r\n${type}${part}`),
      trickle(`${post}Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n{`),
    ]);
    for (const eachMs of tookMs) expect(eachMs, 'sooner than silent ones').toBeLessThan(IDLE_TIMEOUT_MS);
    expect(await jobsOf(service.url)).toEqual(before);
    expect(await spooled()).toEqual([]);
    expect(service.stderr()).toMatch(/request body was too slow/);
  });

  it('leave nothing behind if they break off midway', async () => {
    const before = await jobsOf(service.url);
    const { type, body } = await form([
      ['cat.jpg', cat],
      ['two.jpg', cat],
    ]);
    await new Promise<void>((resolve) => {
      const headers = { 'content-type': type, 'content-length': body.length };
      const request = http.request(`${service.url}/v1/jobs`, { method: 'POST', headers });
      request.on('error', () => resolve());
      request.write(body.subarray(0, body.length - 5000), () => request.destroy(new Error('gone')));
    });
    await until('its temporary file is closed', async () =>
      (await openTemporaryFiles(dataDir)).length === 0 ? true : undefined,
    );
    expect(await jobsOf(service.url)).toEqual(before);
    expect(await spooled()).toEqual([]);
    expect((await ask(`${service.url}/healthz`)).status).toBe(200);
  });
});

describe('unfinished uploads', () => {
  it('take the space of their sender only, and leave no file', async () => {
    const { hostname, port, host } = new URL(service.url);
    const head = `POST /v1/jobs HTTP/1.1\r\nHost: ${host}\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 95000\r\n\r\n`;
    const part = '--b\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n';
    const body = Buffer.concat([Buffer.from(head + part), cat, Buffer.alloc(90_000 - cat.length)]);
    const statuses: string[] = [];
    const sockets = Array.from({ length: 40 }, () => {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => {});
      socket.on('data', (text) => statuses.push(String(text).slice(9, 12)));
      socket.write(body);
      return socket;
    });
    try {
      // One address can have half of 36 times the largest image: 1.8 MB.
      await until('those beyond its half are refused', async () =>
        statuses.length >= 20 ? true : undefined,
      );
      expect(statuses).toEqual(Array(20).fill('429'));
      const { type, body: whole } = await form([['cat.jpg', cat]]);
      const headers = { 'content-type': type, 'content-length': whole.length };
      const other = { method: 'POST', headers, localAddress: '127.0.0.2' };
      expect((await ask(`${service.url}/v1/jobs`, other, whole)).status).toBe(201);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
    await until('their temporary files are closed', async () =>
      (await openTemporaryFiles(dataDir)).length === 0 ? true : undefined,
    );
  });
});

describe('file names', () => {
  it('are never used as paths, markup or formulas', async () => {
    const names = [
      '../../../etc/passwd.jpg',
      '/etc/cron.d/x.jpg',
      '..\\..\\x.jpg',
      '<img src=x onerror=alert(1)>.jpg',
      '=cmd|calc!A1.jpg',
      'a\u202egpj.jpg',
    ];
    const filesBefore = await readdir(path.dirname(dataDir));
    const answer = await upload(
      service.url,
      names.map((name, at): [string, Uint8Array] => [name, Buffer.concat([cat, Buffer.from([at])])]),
    );
    expect(answer.status, answer.body).toBe(201);
    const { id } = JSON.parse(answer.body);
    const results = await until('labels', async () => {
      const found = await ask(`${service.url}/v1/jobs/${id}/results`);
      return JSON.parse(found.body).outcomes.length === names.length ? found : undefined;
    });
    expect(results.headers['content-type']).toMatch(/^application\/json/);
    expect(results.headers['x-content-type-options']).toBe('nosniff');
    expect(JSON.parse(results.body).outcomes.map(({ name }: { name: string }) => name)).toEqual(names);
    expect(await readdir(path.dirname(dataDir))).toEqual(filesBefore);
    const csv = await ask(`${service.url}/v1/jobs/${id}/results?format=csv`);
    expect(csv.body).toContain("'=cmd|calc!A1.jpg");
    expect(csv.body).not.toContain('\u202e');
    expect(csv.headers['content-disposition']).toBe(`attachment; filename="imgcls-${id}.csv"`);
  });

  it('do not turn a file into a page: markup under an image name is never returned', async () => {
    const html = Buffer.from('<!doctype html><script>alert(1)</script>');
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>');
    const { body } = await upload(service.url, [
      ['page.jpg', html],
      ['picture.png', svg],
      ['cat.jpg', cat],
    ]);
    const { id } = JSON.parse(body);
    for (const index of [0, 1]) {
      const answer = await ask(`${service.url}/v1/jobs/${id}/images/${index}`);
      expect(answer.status).toBe(404);
      expect(answer.body).not.toContain('alert');
    }
    const image = await ask(`${service.url}/v1/jobs/${id}/images/2`);
    expect(image.headers).toMatchObject({
      'content-type': 'image/jpeg',
      'x-content-type-options': 'nosniff',
    });
    expect(image.headers['content-security-policy']).toMatch(/sandbox/);
  });
});

describe('unauthorised requests', () => {
  it('are refused under another host name (DNS rebinding)', async () => {
    const before = await jobsOf(service.url);
    const { port } = new URL(service.url);
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      '127.0.0.1.evil.example',
      'localhost.evil.example',
      '[::1',
    ])
      await refused(await upload(service.url, [['cat.jpg', cat]], { host }), 421, before);
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, 'LOCALHOST'])
      expect((await ask(`${service.url}/healthz`, { headers: { host } })).status).toBe(200);
  });

  it('are refused from pages of other sites (CSRF)', async () => {
    const before = await jobsOf(service.url);
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: 'http://127.0.0.1:1' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ] as http.OutgoingHttpHeaders[])
      await refused(await upload(service.url, [['cat.jpg', cat]], headers), 403, before);
    const { origin } = new URL(service.url);
    const answer = await ask(`${service.url}/v1/server`, { headers: { origin: 'https://evil.example' } });
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    const own = await ask(
      `${service.url}/v1/session`,
      { method: 'POST', headers: { origin, 'content-type': 'application/json' } },
      '{"token":""}',
    );
    expect(own.status).toBe(204);
  });

  it('are refused without the token, with a wrong one, and after a few guesses', async () => {
    const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
    for (const options of [
      {},
      bearer('wrong'),
      bearer(''),
      { headers: { authorization: 'Basic eA==' } },
      { headers: { cookie: 'imgcls_session=x' } },
    ]) {
      for (const address of ['/v1/jobs', '/v1/status', '/metrics', '/openapi.json', '/docs']) {
        const answer = await ask(`${guarded.url}${address}`, options);
        expect(answer.status, address).toBe(401);
        expect(answer.headers['www-authenticate']).toBe('Bearer');
      }
    }
    expect((await upload(guarded.url, [['cat.jpg', cat]])).status).toBe(401);
    const mine = await ask(`${guarded.url}/v1/jobs`, bearer(TOKEN));
    expect(JSON.parse(mine.body)).toEqual({ jobs: [] });
    expect(guarded.stderr()).toMatch(/"status":401/);
    expect(guarded.stderr()).not.toContain(TOKEN);

    const open = (token: string, headers = {}) => openSession(guarded, token, headers);
    const session = await open(TOKEN);
    const cookie = session.headers['set-cookie']?.[0] ?? '';
    expect(cookie).toMatch(/^imgcls_session=.+; Max-Age=604800; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(cookie).not.toContain(TOKEN);
    const behindTls = await open(TOKEN, { 'x-forwarded-proto': 'https' });
    expect(behindTls.headers['set-cookie']?.[0]).toMatch(/; Secure/);
    expect(
      (await ask(`${guarded.url}/v1/jobs`, { headers: { cookie: cookie.split(';')[0] ?? '' } })).status,
    ).toBe(200);
    const guesses = await Promise.all(
      Array.from({ length: 30 }, (_, at) => open(`guess ${at}`, { 'x-forwarded-for': `198.51.100.${at}` })),
    );
    expect(guesses.filter(({ status }) => status === 429).length).toBeGreaterThan(5);
    expect(guesses.every(({ status }) => status === 401 || status === 429)).toBe(true);
  });

  it('are limited by client address behind a proxy, whatever addresses they forge', async () => {
    const proxied = await startService(installed.bin, await installed.dataDir(), ['serve'], {
      IMGCLS_TOKEN: TOKEN,
      IMGCLS_PROXIES: '1',
    });
    try {
      const guess = (at: number) =>
        openSession(proxied, `guess ${at}`, { 'x-forwarded-for': `198.51.100.${at}, 203.0.113.7` });
      const guesses = await Promise.all(Array.from({ length: 30 }, (_, at) => guess(at)));
      expect(guesses.filter(({ status }) => status === 429).length).toBeGreaterThan(5);
      expect((await openSession(proxied, TOKEN, { 'x-forwarded-for': '203.0.113.8' })).status).toBe(204);
    } finally {
      await proxied.stop();
    }
  });

  it('are prevented by default: on other addresses than loopback the service requires a token or --insecure', async () => {
    const { code, stderr } = await start(installed.bin, await installed.dataDir(), [
      'serve',
      '--host',
      '0.0.0.0',
      '--port',
      '0',
    ]).finished;
    expect(code).toBe(2);
    expect(stderr).toMatch(/IMGCLS_TOKEN/);
  });

  it('with a malformed form are refused', async () => {
    const before = await jobsOf(service.url);
    const type = 'multipart/form-data; boundary=b';
    for (const body of ['--b\r\n[]--b--\r\n', '--b', 'no form']) {
      const headers = { 'content-type': type, 'content-length': body.length };
      const answer = await ask(`${service.url}/v1/jobs`, { method: 'POST', headers }, Buffer.from(body));
      await refused(answer, 400, before);
    }
  });

  it('with two lengths, prototype keys or a foreign bucket are refused', async () => {
    const before = await jobsOf(service.url);
    const { hostname, port, host } = new URL(service.url);
    const response = await new Promise<string>((resolve) => {
      const socket = connect(Number(port), hostname);
      let text = '';
      socket.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      socket.on('close', () => resolve(text));
      socket.on('error', () => {});
      socket.write(
        `POST /v1/jobs HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/jobs HTTP/1.1\r\n\r\n`,
      );
    });
    expect(response).toMatch(/^HTTP\/1\.1 400/);
    const json = { 'content-type': 'application/json' };
    const polluted = '{"__proto__":{"inputs":["s3://b/x"]},"constructor":{"prototype":{}}}';
    await refused(
      await ask(`${service.url}/v1/jobs`, { method: 'POST', headers: json }, polluted),
      400,
      before,
    );
    const named = await ask(
      `${service.url}/v1/jobs`,
      { method: 'POST', headers: json },
      '{"inputs":["s3://somebody/else"]}',
    );
    await refused(named, 403, before);
  });
});
