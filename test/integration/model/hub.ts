import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { listen } from './listen.ts';

export interface Hub {
  url: string;
  /** `range` header of every request, in order; undefined for one without. */
  ranges: (string | undefined)[];
  /** Call it with the client's number of bytes so far: breaks a connection whose fault is due at this number. */
  received(bytes: number): void;
}

/** Connections that will break, by the client's number of bytes at that time. */
type Breaks = Map<number, ServerResponse>;

/** The failure of one request. */
export type Fault =
  /** The connection breaks after so many bytes of the response. */
  | { kind: 'break'; afterBytes: number }
  /** The response stops after so many bytes, and the connection stays open. */
  | { kind: 'stall'; afterBytes: number }
  | { kind: 'status'; status: number };

/** A file server with ranges and ETags. Its first requests fail with `faults`. */
export async function startHub(content: Buffer, faults: Fault[] = []): Promise<Hub> {
  const ranges: Hub['ranges'] = [];
  const etag = `"${createHash('sha256').update(content).digest('hex')}"`;
  const left = [...faults];
  const toBreak: Breaks = new Map();
  const url = await listen((request, response) => {
    ranges.push(request.headers.range);
    serve(request, response, content, etag, toBreak, left.shift());
  });
  const received = (bytes: number) => {
    toBreak.get(bytes)?.destroy();
    toBreak.delete(bytes);
  };
  return { url: `${url}/`, ranges, received };
}

function serve(
  { headers }: IncomingMessage,
  response: ServerResponse,
  content: Buffer,
  etag: string,
  toBreak: Breaks,
  fault: Fault | undefined,
): void {
  if (fault?.kind === 'status') {
    response.writeHead(fault.status).end('no');
    return;
  }
  const requested = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? Number.NaN);
  const sameFile = headers['if-range'] === undefined || headers['if-range'] === etag;
  const start = Number.isNaN(requested) || !sameFile ? 0 : requested;
  if (start > 0 && start >= content.length) {
    response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    return;
  }
  response.writeHead(start > 0 ? 206 : 200, {
    etag,
    'content-length': content.length - start,
    ...(start > 0 && { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` }),
  });
  const body = content.subarray(start);
  if (fault === undefined) {
    response.end(body);
    return;
  }
  response.write(body.subarray(0, fault.afterBytes));
  if (fault.kind === 'stall') return;
  if (fault.afterBytes === 0) response.destroy();
  else toBreak.set(start + fault.afterBytes, response);
}
