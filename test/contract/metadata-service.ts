/** The instance metadata service, version 2, as it speaks to an EC2 instance: no answer without a token. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface MetadataStandIn {
  url: string;
  /** What it tells, by path. */
  answers: Record<string, string>;
  /** Those that it has given out, as long as they are good. */
  tokens: Set<string>;
  /** So many answers are 503 first. */
  outages: number;
  close(): Promise<void>;
}

const isAskedForToken = ({ method, url, headers }: IncomingMessage): boolean =>
  method === 'PUT' &&
  url === '/latest/api/token' &&
  headers['x-aws-ec2-metadata-token-ttl-seconds'] !== undefined;

/** @param place where it listens; a free port of this machine unless told. */
export async function startMetadataService(
  answers: Record<string, string> = {},
  place = { host: '127.0.0.1', port: 0 },
): Promise<MetadataStandIn> {
  const server = createServer((request, response) => {
    const { url = '', headers } = request;
    if (service.outages > 0) {
      service.outages--;
      response.writeHead(503).end();
    } else if (isAskedForToken(request)) {
      const token = `token-${service.tokens.size}`;
      service.tokens.add(token);
      response.end(token);
    } else if (!service.tokens.has(String(headers['x-aws-ec2-metadata-token'])))
      response.writeHead(401).end();
    else if (service.answers[url] === undefined) response.writeHead(404).end();
    else response.end(service.answers[url]);
  });
  const service: MetadataStandIn = {
    url: '',
    answers,
    tokens: new Set(),
    outages: 0,
    async close() {
      server.closeAllConnections();
      server.close();
      if (server.listening) await once(server, 'close');
    },
  };
  server.listen(place.port, place.host);
  await once(server, 'listening');
  service.url = `http://${place.host}:${(server.address() as AddressInfo).port}`;
  return service;
}
