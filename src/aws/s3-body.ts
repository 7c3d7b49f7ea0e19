/** Bodies on their way to and from S3. */
import { PassThrough, type Readable, Transform } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Body } from '../core/cloud/ports.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { awsError } from './errors.ts';

/** Streams up to this length are read into memory, so that the SDK can send them again by itself. */
export const STREAM_FROM_BYTES = 1024 * 1024;

/** What one PutObject takes. */
const MAX_PUT_BYTES = 5 * 1024 ** 3;

export interface OutgoingBody {
  bytes: number;
  /** The SDK can send it again by itself; else each try here opens a stream of its own. */
  repeatable: boolean;
  /**
   * Makes one try with the body. A source that breaks or that is shorter or longer than it said ends the request
   * before its last byte, so that nothing is stored.
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
      `Could not ${what}: it has ${body.bytes} bytes, and S3 takes 5 GiB at once.`,
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
      // The SDK pipes the stream and does not hear of its errors: without this, the request would hang.
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

/** The source's bytes; fails where there are not exactly as many as it said. Destroying it destroys the source. */
function lengthChecked(source: { bytes: number; open(): Readable }, what: string): Readable {
  let seen = 0;
  const wrongLength = (): ImgclsError =>
    new ImgclsError(
      'permanent',
      `Could not ${what}: it should have ${source.bytes} bytes and has another length.`,
      {
        hint: 'It was changed while it was read.',
      },
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

/** The bytes of an answer; a connection that breaks half way shows as an error of ours. */
export const incomingStream = (source: Readable, what: string): Readable =>
  joined(source, new PassThrough(), (error) => awsError(error, what));

/** Like `pipeline`, which would pass the source's error on as it is. */
function joined(source: Readable, target: Transform, asError: (error: Error) => Error): Readable {
  source.once('error', (error) => target.destroy(asError(error)));
  source.once('close', () => {
    if (!source.readableEnded) target.destroy(asError(new Error('The stream ended too early.')));
  });
  target.once('close', () => source.destroy());
  return source.pipe(target);
}
