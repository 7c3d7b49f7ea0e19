/** The instance metadata service, version 2, as a server of the test speaks it: no answer without a token. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MetadataService, untilInterruption } from '../../src/aws/imds.ts';
import { virtualClock } from '../unit/virtual-clock.ts';

const DOCUMENT = {
  instanceId: 'i-0123456789abcdef0',
  instanceType: 'c7i.large',
  region: 'us-east-1',
  pendingTime: '2026-11-24T08:00:00Z',
};

let server: Server;
let service: MetadataService;
let answers: Record<string, string>;
let tokens: Set<string>;
/** So many answers are 503 first. */
let outages: number;

beforeEach(async () => {
  answers = { '/latest/dynamic/instance-identity/document': JSON.stringify(DOCUMENT) };
  tokens = new Set();
  outages = 0;
  server = createServer(({ method, url = '', headers }, response) => {
    if (outages-- > 0) {
      response.writeHead(503).end();
      return;
    }
    if (method === 'PUT' && url === '/latest/api/token' && headers['x-aws-ec2-metadata-token-ttl-seconds']) {
      const token = `token-${tokens.size}`;
      tokens.add(token);
      response.end(token);
      return;
    }
    const known = tokens.has(String(headers['x-aws-ec2-metadata-token']));
    response.statusCode = !known ? 401 : answers[url] === undefined ? 404 : 200;
    response.end(response.statusCode === 200 ? answers[url] : '');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  service = new MetadataService(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const until = (signal = new AbortController().signal) => untilInterruption(service, virtualClock(), signal);

describe('the instance metadata service', () => {
  it('tells which instance this is, and since when', async () => {
    expect(await service.identity(virtualClock())).toMatchObject({
      instanceId: DOCUMENT.instanceId,
      pendingTime: new Date(DOCUMENT.pendingTime),
    });
  });

  it('is nowhere to be found on other machines, which is no error', async () => {
    server.closeAllConnections();
    server.close();
    expect(await service.identity(virtualClock())).toBeUndefined();
    expect(MetadataService.of({ AWS_EC2_METADATA_DISABLED: 'true' })).toBeUndefined();
  });

  it('is asked again when it does not answer right after a boot', async () => {
    outages = 2;
    expect(await service.identity(virtualClock())).toMatchObject({ instanceId: DOCUMENT.instanceId });
  });

  it('is listened to through its troubles', async () => {
    answers['/latest/meta-data/spot/instance-action'] = '{}';
    outages = 3;
    expect(await until()).toBe('spot');
  });

  it('tells of a spot notice', async () => {
    expect(await service.interruption()).toBeUndefined();
    answers['/latest/meta-data/spot/instance-action'] =
      '{"action":"terminate","time":"2026-11-24T09:00:00Z"}';
    expect(await until()).toBe('spot');
  });

  it('tells of a rebalance recommendation', async () => {
    answers['/latest/meta-data/events/recommendations/rebalance'] = '{"noticeTime":"2026-11-24T09:00:00Z"}';
    expect(await until()).toBe('rebalance');
  });

  it('is asked again with a new token when the old one has run out', async () => {
    await service.identity(virtualClock());
    tokens.clear();
    tokens.add('another');
    answers['/latest/meta-data/spot/instance-action'] = '{}';
    expect(await until()).toBe('spot');
  });

  it('is asked no more once the worker ends', async () => {
    const ending = new AbortController();
    ending.abort();
    expect(await until(ending.signal)).toBeUndefined();
  });
});
