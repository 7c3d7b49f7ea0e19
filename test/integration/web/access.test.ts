import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/app/system-clock.ts';
import { openService } from './service.ts';

const TOKEN = 'correct horse battery staple';
const DAY_MS = 24 * 3_600_000;

let service: Awaited<ReturnType<typeof openService>>;
afterEach(async () => await service.close());

describe('a session', () => {
  const json = { 'content-type': 'application/json', host: 'localhost' };
  const open = () =>
    service.app.inject({ method: 'POST', url: '/v1/session', headers: json, payload: { token: TOKEN } });
  const ask = async (cookie: string) =>
    (await service.app.inject({ url: '/v1/server', headers: { cookie, host: 'localhost' } })).statusCode;
  const pairOf = (header: unknown) => String(header).split(';')[0] ?? '';

  it('ends after a week, in the browser and in the service', async () => {
    let laterMs = 0;
    const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + laterMs };
    service = await openService({}, { token: TOKEN, clock });
    const cookie = (await open()).headers['set-cookie'];
    expect(cookie).toMatch(/^imgcls_session=.+; Max-Age=604800; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(await ask(pairOf(cookie))).toBe(200);
    laterMs = 7 * DAY_MS - 60_000;
    expect(await ask(pairOf(cookie))).toBe(200);
    laterMs = 7 * DAY_MS;
    expect(await ask(pairOf(cookie))).toBe(401);
  });

  it('cannot be made longer, or without the token', async () => {
    service = await openService({}, { token: TOKEN });
    const [, untilS = '', signature = ''] =
      /=(\d+)\.(.+?);/.exec(String((await open()).headers['set-cookie'])) ?? [];
    expect(await ask(`imgcls_session=${untilS}.${signature}`)).toBe(200);
    for (const other of [
      `${untilS}0.${signature}`,
      `${Number(untilS) + 1}.${signature}`,
      `${untilS}.x`,
      'x',
      '.',
    ])
      expect(await ask(`imgcls_session=${other}`), other).toBe(401);
  });

  it('is deleted on request', async () => {
    service = await openService({}, { token: TOKEN });
    const answer = await service.app.inject({
      method: 'DELETE',
      url: '/v1/session',
      headers: { host: 'localhost' },
    });
    expect(answer.statusCode).toBe(204);
    expect(answer.headers['set-cookie']).toMatch(/^imgcls_session=; Max-Age=0; Path=\/; /);
  });
});

describe('a request that names two hosts', () => {
  it('is refused', async () => {
    service = await openService({});
    await service.app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = service.app.server.address() as AddressInfo;
    const statusOf = async (...lines: string[]) => {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      socket.end([...lines, 'Connection: close', '', ''].join('\r\n'));
      return (await text(socket)).slice(9, 12);
    };
    const own = `Host: localhost:${port}`;
    expect(await statusOf('GET /healthz HTTP/1.1', own)).toBe('200');
    expect(await statusOf('GET /healthz HTTP/1.1', own, 'Host: evil.example')).toBe('400');
    expect(await statusOf('GET /healthz HTTP/1.1', own, own)).toBe('400');
    expect(await statusOf('GET http://evil.example/healthz HTTP/1.1', own)).toBe('400');
    expect(await statusOf('GET evil HTTP/1.1', own)).toBe('400');
    expect(await statusOf(`GET http://localhost:${port}/healthz HTTP/1.1`, own)).toBe('200');
  });
});
