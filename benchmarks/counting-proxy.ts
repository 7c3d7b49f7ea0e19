// A proxy that counts requests to S3 and SQS as AWS bills them, and passes them on to servers of these protocols.

import { once } from 'node:events';
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as requestOf,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** SQS bills each 64 KB of a request or of its answer as a request. */
const SQS_CHUNK_BYTES = 64 * 1024;

/** `S3 PUT`, `S3 LIST`, `SQS SendMessageBatch` and so on. */
export type RequestKind = string;

export interface CountingProxy {
  url: string;
  counts: Map<RequestKind, number>;
  /** Bytes of S3 PUT requests. */
  putBytes(): number;
  /** Forgets what was counted. */
  reset(): void;
  close(): Promise<void>;
}

/** URLs of the servers. */
export interface Targets {
  store: string;
  queues: string;
}

export async function startCountingProxy(targets: Targets): Promise<CountingProxy> {
  const counts = new Map<RequestKind, number>();
  let putBytes = 0;
  const agent = new Agent({ keepAlive: true });
  const count = (request: IncomingMessage, sentBytes: number, answerBytes: number) => {
    const kind = kindOf(request);
    const chunks = Math.ceil(Math.max(sentBytes, answerBytes) / SQS_CHUNK_BYTES);
    counts.set(kind, (counts.get(kind) ?? 0) + (kind.startsWith('SQS') ? Math.max(1, chunks) : 1));
    if (kind === 'S3 PUT') putBytes += sentBytes;
  };
  const server = createServer((incoming, outgoing) => {
    pass(incoming, outgoing, { targets, agent, count }).catch(() => incoming.socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts,
    putBytes: () => putBytes,
    reset() {
      counts.clear();
      putBytes = 0;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      agent.destroy();
      await once(server, 'close');
    },
  };
}

/** Empty for S3. */
const queueActionOf = ({ headers }: IncomingMessage): string =>
  String(headers['x-amz-target'] ?? '').replace(/^AmazonSQS\./, '');

function kindOf(request: IncomingMessage): RequestKind {
  const { method = '', url = '' } = request;
  const action = queueActionOf(request);
  if (action !== '') return `SQS ${action}`;
  if (method === 'POST') return 'S3 DELETE';
  return method === 'GET' && url.includes('list-type=') ? 'S3 LIST' : `S3 ${method}`;
}

async function pass(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  {
    targets,
    agent,
    count,
  }: { targets: Targets; agent: Agent; count(request: IncomingMessage, sent: number, answer: number): void },
): Promise<void> {
  const { method = '', url = '' } = incoming;
  const target = queueActionOf(incoming) === '' ? targets.store : targets.queues;
  const upstream = requestOf(new URL(url, target), {
    agent,
    method,
    headers: withoutHops(incoming.headers),
  });
  const answered = once(upstream, 'response') as Promise<[IncomingMessage]>;
  const sent = measured();
  await Promise.all([pipeline(incoming, sent.stream, upstream), answered]);
  const [answer] = await answered;
  outgoing.writeHead(answer.statusCode ?? 502, withoutHops(answer.headers));
  const back = measured();
  await pipeline(answer, back.stream, outgoing);
  count(incoming, sent.bytes(), back.bytes());
}

/** Without what concerns one connection. The client has been told to go on. */
function withoutHops(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const { expect: _expect, connection: _connection, ...kept } = headers;
  return kept;
}

function measured() {
  let bytes = 0;
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.byteLength;
      done(null, chunk);
    },
  });
  return { stream, bytes: () => bytes };
}
