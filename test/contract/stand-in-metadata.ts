import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface StandInMetadata {
  url: string;
  /** By path. Other paths get 404. */
  answers: Record<string, string>;
  /** Valid tokens. */
  tokens: Set<string>;
  /** The next so many responses are 503. */
  outages: number;
  close(): void;
}

export const IDENTITY_PATH = '/latest/dynamic/instance-identity/document';

/**
 * Stands in for EC2's instance metadata service, version 2: it refuses requests without a token.
 * @param address where it listens; default: a free port of this machine.
 */
export async function startStandInMetadata(
  identity: object,
  address = { host: '127.0.0.1', port: 0 },
): Promise<StandInMetadata> {
  const server = createServer(({ method, url = '', headers }, response) => {
    if (service.outages-- > 0) {
      response.writeHead(503).end();
      return;
    }
    if (method === 'PUT' && url === '/latest/api/token' && headers['x-aws-ec2-metadata-token-ttl-seconds']) {
      const token = `token-${service.tokens.size}`;
      service.tokens.add(token);
      response.end(token);
      return;
    }
    const isValid = service.tokens.has(String(headers['x-aws-ec2-metadata-token']));
    response.statusCode = !isValid ? 401 : service.answers[url] === undefined ? 404 : 200;
    response.end(response.statusCode === 200 ? service.answers[url] : '');
  }).listen(address.port, address.host);
  await once(server, 'listening');
  const service: StandInMetadata = {
    url: `http://${address.host}:${(server.address() as AddressInfo).port}`,
    answers: { [IDENTITY_PATH]: JSON.stringify(identity) },
    tokens: new Set(),
    outages: 0,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  return service;
}
