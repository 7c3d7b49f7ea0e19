import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import type { Body } from '../core/cloud/ports.ts';

/** What came in, on disk, with its digest. */
export interface Spooled {
  sha256: string;
  body: Body;
  /** The first bytes, which tell what it is. */
  head: Buffer;
  /** Gives the disk space back. */
  release(): Promise<void>;
}

const HEAD_BYTES = 4096;

/**
 * Takes what comes from outside into a temporary file, so that memory holds a chunk of it at a time. The file has no
 * name any more once it is open: nothing is left of it, whatever ends the process.
 * @throws what the source fails with.
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
    // Who gave up reading hears no more of it, and an error that nobody hears ends the process.
    return stream.on('error', () => {});
  };
  return { sha256: sha.digest('hex'), body: { bytes, open: read }, head, release: () => file.close() };
}
