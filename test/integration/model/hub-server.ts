// A server that speaks the protocol of the Hugging Face Hub: an API, and files that redirect to another host.
import { createHash, hash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listen } from './listen.ts';

export interface HubModel {
  files: Record<string, Buffer | string>;
  /** Of the card. */
  license?: string | undefined;
  gated?: 'auto' | 'manual';
  /** Needed to read anything. */
  token?: string;
}

export interface HubRequest {
  host: 'hub' | 'cdn';
  path: string;
  range: string | undefined;
  authorization: string | undefined;
}

export interface HubServer {
  endpoint: string;
  requests: HubRequest[];
  /** What the branch `main` is now. A commit that it was before stays. */
  publish(model: HubModel): string;
  /** Answers the next requests of a host: with a status, or with so many bytes and a broken connection. */
  fail(host: HubRequest['host'], ...faults: HubFault[]): void;
  /** Bytes that are not those of the file, from now on. */
  tamper(path: string): void;
  /** Call it with the client's number of bytes: breaks a connection whose fault is due. */
  received(bytes: number): void;
}

export type HubFault =
  | { status: number; headers?: Record<string, string> }
  /** Once the client has so many bytes. */
  | { breakAfterBytes: number };

/** Weights are kept in another place (LFS). */
const isLarge = (path: string): boolean => /\.onnx(_data)?$/.test(path);

export async function startHubServer(): Promise<HubServer> {
  const hub = new FakeHub();
  const cdn = await listen((request, response) => hub.serveContent(request, response));
  const endpoint = await listen((request, response) => hub.serveHub(request, response, cdn));
  return {
    endpoint,
    requests: hub.requests,
    publish: (model) => hub.publish(model),
    fail: (host, ...faults) => void hub.faults[host].push(...faults),
    tamper: (path) => void hub.tampered.add(path),
    received: (bytes) => hub.received(bytes),
  };
}

/** An address at which nothing answers. */
export async function closedPort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${port}`;
}

class FakeHub {
  readonly requests: HubRequest[] = [];
  readonly faults: Record<HubRequest['host'], HubFault[]> = { hub: [], cdn: [] };
  readonly tampered = new Set<string>();
  readonly #commits = new Map<string, HubModel>();
  #main = '';
  #toBreak: { atBytes: number; response: ServerResponse } | undefined;

  publish(model: HubModel): string {
    this.#main = hash('sha1', JSON.stringify([...this.#commits.keys(), Object.keys(model.files)]));
    this.#commits.set(this.#main, model);
    return this.#main;
  }

  received(bytes: number): void {
    if (this.#toBreak === undefined || bytes < this.#toBreak.atBytes) return;
    this.#toBreak.response.destroy();
    this.#toBreak = undefined;
  }

  serveHub(request: IncomingMessage, response: ServerResponse, cdn: string): void {
    const { pathname } = this.#noted('hub', request);
    if (this.#fails('hub', response)) return;
    const [, revision = '', file] =
      /^\/api\/models\/cats\/vit\/revision\/([^/]+)$/.exec(pathname) ??
      /^\/cats\/vit\/resolve\/([^/]+)\/(.+)$/.exec(pathname) ??
      [];
    const name = decodeURIComponent(revision);
    const commit = name === 'main' ? this.#main : name;
    const model = this.#commits.get(commit);
    if (revision === '') {
      refuse(response, 401, 'RepoNotFound');
      return;
    }
    if (model === undefined) {
      refuse(response, 404, 'RevisionNotFound');
      return;
    }
    const isAllowed = model.token === undefined || request.headers.authorization === `Bearer ${model.token}`;
    if (file === undefined) {
      // Of a gated model anybody may read the listing.
      if (!isAllowed && model.gated === undefined) {
        refuse(response, 401, 'RepoNotFound');
        return;
      }
      response.end(listing(commit, model));
      return;
    }
    if (!isAllowed) {
      refuse(response, 401, model.gated === undefined ? 'RepoNotFound' : 'GatedRepo');
      return;
    }
    const content = model.files[decodeURI(file)];
    if (content === undefined) {
      refuse(response, 404, 'EntryNotFound');
      return;
    }
    const bytes = Buffer.from(content);
    if (!isLarge(file)) {
      this.#send(request, response, { path: file, bytes });
      return;
    }
    response.writeHead(302, {
      location: `${cdn}/${commit}/${file}?signature=abc`,
      'x-repo-commit': commit,
      'x-linked-etag': `"${hash('sha256', bytes)}"`,
      'x-linked-size': bytes.length,
    });
    response.end();
  }

  serveContent(request: IncomingMessage, response: ServerResponse): void {
    const { pathname } = this.#noted('cdn', request);
    const [, commit = '', path = ''] = /^\/([0-9a-f]+)\/(.+)$/.exec(pathname) ?? [];
    const content = this.#commits.get(commit)?.files[decodeURI(path)];
    if (content === undefined) {
      response.writeHead(403).end();
      return;
    }
    const [fault] = this.faults.cdn;
    if (fault !== undefined && 'breakAfterBytes' in fault) {
      this.faults.cdn.shift();
      this.#send(request, response, { path, bytes: Buffer.from(content), ...fault });
      return;
    }
    if (this.#fails('cdn', response)) return;
    this.#send(request, response, { path, bytes: Buffer.from(content) });
  }

  #noted(host: HubRequest['host'], { url = '', headers }: IncomingMessage): URL {
    const { range, authorization } = headers;
    this.requests.push({ host, path: url, range, authorization });
    return new URL(url, 'http://hub');
  }

  #fails(host: HubRequest['host'], response: ServerResponse): boolean {
    const [fault] = this.faults[host];
    if (fault === undefined || !('status' in fault)) return false;
    this.faults[host].shift();
    response.writeHead(fault.status, fault.headers).end();
    return true;
  }

  #send(
    { headers }: IncomingMessage,
    response: ServerResponse,
    { path, bytes, breakAfterBytes }: { path: string; bytes: Buffer; breakAfterBytes?: number },
  ): void {
    const etag = `"${hash('sha256', bytes)}"`;
    const isSame = headers['if-range'] === undefined || headers['if-range'] === etag;
    const start = isSame ? Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0) : 0;
    const range = `bytes ${start}-${bytes.length - 1}/${bytes.length}`;
    response.writeHead(start > 0 ? 206 : 200, {
      etag,
      'content-length': bytes.length - start,
      ...(start > 0 && { 'content-range': range }),
    });
    const sent = this.tampered.has(path) ? Buffer.alloc(bytes.length, 'x') : bytes;
    if (breakAfterBytes === undefined) {
      response.end(sent.subarray(start));
      return;
    }
    response.write(sent.subarray(start, breakAfterBytes));
    this.#toBreak = { atBytes: breakAfterBytes, response };
  }
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'x-error-code': code, 'x-error-message': 'no' }).end('{"error":"no"}');
}

function listing(sha: string, { files, license, gated }: HubModel): string {
  const siblings = Object.entries(files).map(([rfilename, content]) => {
    const bytes = Buffer.from(content);
    const blobId = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
    const lfs = { sha256: hash('sha256', bytes), size: bytes.length, pointerSize: 130 };
    return { rfilename, size: bytes.length, blobId, ...(isLarge(rfilename) && { lfs }) };
  });
  return JSON.stringify({
    id: 'cats/vit',
    sha,
    private: false,
    gated: gated ?? false,
    cardData: { license },
    siblings,
  });
}
