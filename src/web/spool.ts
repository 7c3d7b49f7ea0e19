import { createHash } from 'node:crypto';
import type { Body } from '../core/cloud/ports.ts';
import { TemporaryFile } from '../upload/temporary-file.ts';
import type { Shares } from './shares.ts';

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

export interface SpoolOptions {
  /** The bytes that all temporary files can have together. */
  shares: Shares;
  caller: string;
}

/**
 * Writes received data to a temporary file, with one chunk in memory at a time.
 * @throws the error of the source. @throws {HttpProblem} if the temporary files have too many bytes.
 * @throws {DiskFullError}
 */
export async function spool(
  chunks: AsyncIterable<Buffer>,
  { shares, caller }: SpoolOptions,
): Promise<Spooled> {
  const file = await TemporaryFile.open();
  let taken = 0;
  const release = async () => {
    await file.close();
    shares.giveBack(caller, taken);
  };
  try {
    const sha = createHash('sha256');
    let head: Buffer = Buffer.alloc(0);
    for await (const chunk of chunks) {
      sha.update(chunk);
      if (head.length < HEAD_BYTES) head = Buffer.concat([head, chunk.subarray(0, HEAD_BYTES - head.length)]);
      shares.take(caller, chunk.length);
      taken += chunk.length;
      await file.append(chunk);
    }
    const body = { bytes: file.bytes, open: () => file.read() };
    return { sha256: sha.digest('hex'), body, head, release };
  } catch (error) {
    await release();
    throw error;
  }
}
