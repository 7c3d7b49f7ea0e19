import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface StandInMetadata {
  url: string;
  /** By path; what is left out is 404. */
  answers: Record<string, string>;
  /** Tokens that are good. */
  tokens: Set<string>;
  /** So many answers are 503 first. */
  outages: number;
  close(): void;
}

export const IDENTITY_PATH = '/latest/dynamic/instance-identity/document';

/**
 * The instance metadata service, version 2, as EC2 speaks it: no answer without a token.
 * @param place where it listens; a free port of this machine unless told.
 */
export async function startStandInMetadata(
  identity: object,
  place = { host: '127.0.0.1', port: 0 },
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
    const known = service.tokens.has(String(headers['x-aws-ec2-metadata-token']));
    response.statusCode = !known ? 401 : service.answers[url] === undefined ? 404 : 200;
    response.end(response.statusCode === 200 ? service.answers[url] : '');
  }).listen(place.port, place.host);
  await once(server, 'listening');
  const service: StandInMetadata = {
    url: `http://${place.host}:${(server.address() as AddressInfo).port}`,
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
