// Downloads one file over HTTP; continues where an earlier transfer stopped.

import { open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isTemporary, retryAfterMs } from '../core/network/answers.ts';
import { backoffMs } from '../core/runtime/backoff.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { ImgclsError, messageOf } from '../core/runtime/errors.ts';
import { asMachineFault } from '../core/runtime/machine-fault.ts';
import { type AddressesOf, fetchFollowing } from './redirects.ts';

export interface FileDownloadOptions {
  url: string;
  /** Has the bytes received so far. It stays after a failed transfer, so that the next one continues from there. */
  partialPath: string;
  /** The possible lengths of the whole file, bytes. */
  acceptBytes: readonly number[];
  /** Not sent to another host to which the server redirects. */
  authorization?: string | undefined;
  /** Explains an answer that no retry changes. Default: its status. */
  explain?: ((response: Response) => ImgclsError) | undefined;
  /** What to do if the server cannot be reached. */
  hint?: string | undefined;
  onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
  signal?: AbortSignal | undefined;
  /** A transfer that receives no byte for so long is aborted and retried. */
  stallMs?: number;
  /** Limit of consecutive attempts that receive no byte. */
  maxTries?: number;
  random?: () => number;
  backoff?: { baseMs?: number; maxMs?: number };
  clock?: Pick<Clock, 'sleep'> | undefined;
  /** For tests. */
  addressesOf?: AddressesOf | undefined;
}

const CLOCK: Pick<Clock, 'sleep'> = { sleep: (ms, signal) => sleep(ms, undefined, signal && { signal }) };
const ANOTHER_SOURCE =
  'Try again: the download continues where it stopped. Or name another URL, a file or s3://bucket/key with --source.';

/** The server may be asked again. */
export class LaterError extends Error {
  /** The pause that it asks for. */
  readonly askedMs: number | undefined;

  constructor(message: string, response?: Response) {
    super(message);
    this.askedMs = retryAfterMs(response?.headers.get('retry-after'));
  }
}

const STALL_MS = 30_000;
const MAX_TRIES = 6;

const etagPath = (partialPath: string): string => `${partialPath}.etag`;

/** Deletes the bytes received so far. */
export async function discardPartial(partialPath: string): Promise<void> {
  await rm(partialPath, { force: true });
  await rm(etagPath(partialPath), { force: true });
}

/**
 * Downloads until `partialPath` has the whole file. The caller checks the content.
 * @throws {ImgclsError} `permanent` if the server has no such file, or one of another length (nothing is kept then);
 *   `transient` if the server cannot be reached (the bytes received so far are kept).
 */
export async function downloadFile(options: FileDownloadOptions): Promise<void> {
  const { url, partialPath, signal, maxTries = MAX_TRIES, random = Math.random, clock = CLOCK } = options;
  let failures = 0;
  for (;;) {
    const before = await sizeOf(partialPath);
    try {
      await transfer(options, before);
      await rm(etagPath(partialPath), { force: true });
      return;
    } catch (error) {
      signal?.throwIfAborted();
      // A full disk does not get better by another attempt.
      const fault = asMachineFault(error);
      if (fault !== undefined) throw fault;
      if (error instanceof ImgclsError && error.kind === 'permanent') {
        await discardPartial(partialPath);
        throw error;
      }
      failures = (await sizeOf(partialPath)) > before ? 1 : failures + 1;
      if (failures >= maxTries) {
        throw new ImgclsError('transient', `Cannot download ${url}: ${messageOf(error)}`, {
          hint: options.hint ?? ANOTHER_SOURCE,
          cause: error,
        });
      }
      const askedMs = error instanceof LaterError ? error.askedMs : undefined;
      await clock.sleep(backoffMs(failures - 1, random(), { ...options.backoff, askedMs }), signal);
    }
  }
}

/** Makes one request. The bytes that it receives are in the partial file even if it fails. */
async function transfer(options: FileDownloadOptions, offset: number): Promise<void> {
  const { url, partialPath, acceptBytes, onProgress, signal } = options;
  if (offset > 0 && acceptBytes.includes(offset)) return;
  const stall = stallGuard(options.stallMs ?? STALL_MS, signal);
  try {
    const headers = await rangeHeaders(partialPath, offset);
    if (options.authorization !== undefined) headers.authorization = options.authorization;
    const asking = { headers, signal: stall.signal, addressesOf: options.addressesOf };
    const response = await fetchFollowing(url, asking).catch((error: Error) => {
      // The reason is in the cause; the message says only that fetch failed.
      throw error.cause instanceof Error ? new Error(error.cause.message, { cause: error }) : error;
    });
    // The server's file is not longer than the partial file: it is another file now.
    if (response.status === 416) {
      await discardPartial(partialPath);
      throw new Error('the file on the server is not longer than the partial file');
    }
    const start = startOf(response, offset, options.explain);
    const total = totalOf(response, start);
    if (total !== undefined && !acceptBytes.includes(total)) {
      throw new ImgclsError('permanent', `${url} has ${total} bytes; expected ${acceptBytes.join(' or ')}.`, {
        hint: 'This is not the pinned file. "imgcls model import FILE" installs any other ONNX classifier.',
      });
    }
    await keepEtag(partialPath, response.headers.get('etag'));
    await append(response, {
      partialPath,
      start,
      maxBytes: Math.max(...acceptBytes),
      total,
      onProgress,
      stall,
    });
  } finally {
    stall.stop();
  }
  const size = await sizeOf(partialPath);
  if (!acceptBytes.includes(size)) throw new Error(`the transfer ended after ${size} bytes`);
}

async function rangeHeaders(partialPath: string, offset: number): Promise<Record<string, string>> {
  // A range of a compressed response would have other bytes.
  const headers: Record<string, string> = { 'accept-encoding': 'identity' };
  if (offset === 0) return headers;
  headers.range = `bytes=${offset}-`;
  const etag = await readFile(etagPath(partialPath), 'utf8').catch(() => '');
  if (etag !== '') headers['if-range'] = etag;
  return headers;
}

/** The offset of the response's first byte. */
function startOf(response: Response, offset: number, explain = explainStatus): number {
  const { status } = response;
  if (status === 200) return 0;
  const start = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1];
  if (status === 206 && Number(start) === offset) return offset;
  if (isTemporary(status) || status === 206) throw new LaterError(problemOf(response), response);
  throw explain(response);
}

export const problemOf = ({ url, status, statusText }: Response): string =>
  `${url} answered ${status} ${statusText}`.trimEnd();

const explainStatus = (response: Response): ImgclsError =>
  new ImgclsError('permanent', `${problemOf(response)}.`, {
    hint: 'Name another URL, a file or s3://bucket/key with --source, or another hub with the setting modelMirror.',
  });

function totalOf(response: Response, start: number): number | undefined {
  const length = response.headers.get('content-length');
  return length === null ? undefined : start + Number(length);
}

/** Only a strong ETag guarantees that a range belongs to the same file. */
async function keepEtag(partialPath: string, etag: string | null): Promise<void> {
  if (etag?.startsWith('"')) await writeFile(etagPath(partialPath), etag);
  else await rm(etagPath(partialPath), { force: true });
}

interface Append {
  partialPath: string;
  start: number;
  maxBytes: number;
  total: number | undefined;
  onProgress: FileDownloadOptions['onProgress'];
  stall: StallGuard;
}

async function append(response: Response, into: Append): Promise<void> {
  const { partialPath, start, maxBytes, total, onProgress, stall } = into;
  const file = await open(partialPath, start === 0 ? 'w' : 'r+');
  let done = start;
  try {
    for await (const chunk of response.body ?? []) {
      stall.restart();
      if (done + chunk.byteLength > maxBytes) {
        throw new ImgclsError('permanent', `${response.url} has more than the expected ${maxBytes} bytes.`);
      }
      await file.write(chunk, 0, chunk.byteLength, done);
      done += chunk.byteLength;
      onProgress?.(done, total ?? maxBytes);
    }
  } finally {
    await file.close();
  }
}

interface StallGuard {
  signal: AbortSignal;
  /** Call it when a byte arrives. */
  restart(): void;
  stop(): void;
}

function stallGuard(stallMs: number, outer: AbortSignal | undefined): StallGuard {
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(new Error(`received no byte for ${stallMs} ms`)), stallMs);
  return {
    signal: outer === undefined ? stalled.signal : AbortSignal.any([outer, stalled.signal]),
    restart: () => void timer.refresh(),
    stop: () => clearTimeout(timer),
  };
}

async function sizeOf(path: string): Promise<number> {
  return await stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
