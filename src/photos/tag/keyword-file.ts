import { lstat, readFile, realpath, stat } from 'node:fs/promises';
import { fileEtag } from '../../core/cloud/files-in-place.ts';
import { byteSize } from '../../core/text/byte-size.ts';
import { UnusableSidecarError } from '../xmp/document.ts';
import { decodeSidecar, EMPTY_SIDECAR } from '../xmp/keywords.ts';

/** A new content of a file that holds keywords. */
export interface PlannedChange {
  file: string;
  /** Undefined if there is no such file yet. */
  before: { content: Buffer; mtimeMs: number; mode: number; etag: string } | undefined;
  after: Buffer;
}

/** Changes the XMP packet of a file. */
export type EditPacket = (text: string) => string;

/** Larger sidecars are no sidecars: darktable's, with drawn masks, have a few megabytes. */
const MAX_SIDECAR_BYTES = 32 * 1024 * 1024;

/**
 * Reads a sidecar and changes its packet. Of a link, the file that it leads to is changed.
 * @returns undefined if nothing changes.
 * @throws {UnusableSidecarError} and errors of the file system.
 */
export async function planSidecar(sidecar: string, edit: EditPacket): Promise<PlannedChange | undefined> {
  const isThere = await lstat(sidecar).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
  const file = isThere ? await realpath(sidecar).catch(throwIfBroken) : sidecar;
  const before = await readIfThere(file, MAX_SIDECAR_BYTES);
  if (before === undefined) {
    const text = edit(EMPTY_SIDECAR);
    return text === EMPTY_SIDECAR ? undefined : { file, before, after: Buffer.from(text) };
  }
  const text = decodeSidecar(before.content);
  const changed = edit(text);
  return changed === text ? undefined : { file, before, after: Buffer.from(changed) };
}

/** What the link leads to may be on a disk that is not there now. */
function throwIfBroken(error: NodeJS.ErrnoException): never {
  throw error.code === 'ENOENT' ? new UnusableSidecarError('is a broken link') : error;
}

/** @throws {UnusableSidecarError} if it is larger, or no regular file. */
export async function readIfThere(file: string, maxBytes: number): Promise<PlannedChange['before']> {
  const found = await stat(file, { bigint: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined) return undefined;
  if (!found.isFile()) throw new UnusableSidecarError('is not a regular file');
  if (found.size > maxBytes) throw new UnusableSidecarError(`has more than ${byteSize(maxBytes)}`);
  const content = await readFile(file);
  return {
    content,
    mtimeMs: Number(found.mtimeNs) / 1e6,
    mode: Number(found.mode & 0o7777n),
    etag: fileEtag(found),
  };
}

/** Whether the file is still the one that was read. */
export async function isAsRead({ file, before }: PlannedChange): Promise<boolean> {
  const found = await stat(file, { bigint: true }).catch(() => undefined);
  return (found && fileEtag(found)) === before?.etag;
}
