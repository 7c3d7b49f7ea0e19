/** Bodies of requests to S3 and of its responses. */
import { PassThrough, type Readable, Transform } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Body } from '../core/cloud/ports.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { awsError } from './errors.ts';

/** Shorter streams are read into memory: then the SDK can retry them itself. */
export const STREAM_FROM_BYTES = 1024 * 1024;

/** The limit of one PutObject. */
const MAX_PUT_BYTES = 5 * 1024 ** 3;

export interface OutgoingBody {
  bytes: number;
  /** The SDK can retry it. Otherwise each attempt here opens a new stream. */
  repeatable: boolean;
  /**
   * Makes one attempt. If the source fails, or is shorter or longer than announced, the request ends before its last
   * byte and S3 stores nothing.
   */
  send<T>(
    signal: AbortSignal | undefined,
    put: (body: Uint8Array | Readable, signal?: AbortSignal) => Promise<T>,
  ): Promise<T>;
}

/** @throws {ImgclsError} when the body is too large. */
export async function outgoingBody(body: Body, what: string): Promise<OutgoingBody> {
  if (body instanceof Uint8Array) return bytesBody(body);
  if (body.bytes > MAX_PUT_BYTES) {
    throw new ImgclsError(
      'permanent',
      `Could not ${what}: it is ${body.bytes} bytes long, and S3's limit is 5 GiB.`,
    );
  }
  if (body.bytes >= STREAM_FROM_BYTES) return streamBody(body, what);
  return bytesBody(await buffer(lengthChecked(body, what)));
}

function streamBody(source: { bytes: number; open(): Readable }, what: string): OutgoingBody {
  return {
    bytes: source.bytes,
    repeatable: false,
    async send(signal, put) {
      const failed = new AbortController();
      const stream = lengthChecked(source, what);
      // The SDK pipes the stream and does not notice its errors: without this, the request would hang.
      stream.once('error', (error) => failed.abort(error));
      const either = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]);
      try {
        return await put(stream, either);
      } finally {
        stream.destroy();
      }
    },
  };
}

const bytesBody = (bytes: Uint8Array): OutgoingBody => ({
  bytes: bytes.byteLength,
  repeatable: true,
  send: (signal, put) => put(bytes, signal),
});

/** The source's bytes; fails if their number differs from the announced one. Destroying it destroys the source. */
function lengthChecked(source: { bytes: number; open(): Readable }, what: string): Readable {
  let seen = 0;
  const wrongLength = (): ImgclsError =>
    new ImgclsError(
      'permanent',
      `Could not ${what}: its length changed while it was read (expected ${source.bytes} bytes).`,
      { hint: 'Try again when no other program writes to it.' },
    );
  const checked = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.byteLength;
      if (seen > source.bytes) done(wrongLength());
      else done(null, chunk);
    },
    flush(done) {
      done(seen === source.bytes ? null : wrongLength());
    },
  });
  return joined(source.open(), checked, (error) => error);
}

/** The bytes of a response. A connection that breaks half way causes an ImgclsError. */
export const incomingStream = (source: Readable, what: string): Readable =>
  joined(source, new PassThrough(), (error) => awsError(error, what));

/** Like `pipeline`, but converts the source's error. */
function joined(source: Readable, target: Transform, asError: (error: Error) => Error): Readable {
  source.once('error', (error) => target.destroy(asError(error)));
  source.once('close', () => {
    if (!source.readableEnded) target.destroy(asError(new Error('The stream ended too early.')));
  });
  target.once('close', () => source.destroy());
  return source.pipe(target);
}
