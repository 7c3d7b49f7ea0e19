import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import type { Body } from '../core/cloud/ports.ts';

/** Received data in a temporary file, with its digest. */
export interface Spooled {
  sha256: string;
  body: Body;
  /** The first bytes, which show the format. */
  head: Buffer;
  /** Frees the disk space. */
  release(): Promise<void>;
}

const HEAD_BYTES = 4096;

/**
 * Writes received data to a temporary file, with one chunk in memory at a time. The open file is unlinked at once, so
 * nothing remains of it however the process ends.
 * @throws the error of the source.
 */
export async function spool(chunks: AsyncIterable<Buffer>): Promise<Spooled> {
  const name = path.join(tmpdir(), `imgcls-upload-${randomUUID()}`);
  const file = await open(name, 'wx+', 0o600);
  try {
    await unlink(name);
    return await fill(file, chunks);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function fill(file: FileHandle, chunks: AsyncIterable<Buffer>): Promise<Spooled> {
  const sha = createHash('sha256');
  let bytes = 0;
  let head: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    sha.update(chunk);
    if (head.length < HEAD_BYTES) head = Buffer.concat([head, chunk.subarray(0, HEAD_BYTES - head.length)]);
    for (let done = 0; done < chunk.length; ) {
      const { bytesWritten } = await file.write(chunk, done, chunk.length - done, bytes + done);
      done += bytesWritten;
    }
    bytes += chunk.length;
  }
  const read = (): Readable => {
    if (bytes === 0) return Readable.from([]);
    const stream = file.createReadStream({ start: 0, end: bytes - 1, autoClose: false });
    // An `error` event without a listener ends the process; a reader that has stopped has none.
    return stream.on('error', () => {});
  };
  return { sha256: sha.digest('hex'), body: { bytes, open: read }, head, release: () => file.close() };
}
