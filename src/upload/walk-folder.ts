import type { Dirent } from 'node:fs';
import { lstat, readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { whyNeverPhotograph } from '../core/model/never-photographs.ts';
import { readFault } from '../core/runtime/errors.ts';
import { pathFrom } from './in-place.ts';
import type { Accepts, FilePath, Input, Skipped } from './inputs.ts';
import { type ReadTools, retryShortage } from './retry-shortage.ts';

export interface FolderWalk extends ReadTools {
  /** Prefix of the images' names, before their path in the folder. May be empty. */
  shownAs: string;
  accept: Accepts;
  /** Whether the user excluded a path. A folder that is excluded need not be readable. */
  isExcluded: Accepts;
  /** Reason for skipping a file that is not accepted. Absent: neither these nor hidden files are reported. */
  otherName?: string;
  /** Maximum depth. */
  depth: number;
  onSkip(skipped: Skipped): void;
}

export const NOT_A_FILE = 'not a regular file';

/**
 * Walks depth first, names in code unit order, so that the same folder always gives the same job. A folder or link that
 * cannot be read is an image with an error: the images in it would be missed in silence.
 */
export async function* walkFolder(root: string, walk: FolderWalk): AsyncGenerator<Input> {
  const { shownAs, accept, isExcluded, otherName, depth, onSkip, signal } = walk;
  const realRoot = await realpath(root).catch(() => root);

  async function* below(folder: Place, levels: number): AsyncGenerator<Input> {
    const { name, source } = folder;
    const entries = await readFolder(folder, walk);
    if (entries instanceof Error) {
      const why = `Cannot read the folder: ${readFault(entries)}.`;
      if (isExcluded(folder.inside)) onSkip({ source, reason: 'excluded by --exclude' });
      else yield { kind: 'unreadable', name, source, error: { code: 'unreadable', message: why } };
      return;
    }
    for (const { entry, place } of entries) {
      signal?.throwIfAborted();
      const { name, source, path: filePath } = place;
      const never = whyNeverPhotograph(entry.name.toString());
      if (never !== undefined) {
        if (otherName !== undefined) onSkip({ source, reason: never });
      } else if (entry.isDirectory()) {
        if (levels > 1) yield* below(place, levels - 1);
      } else if (!accept(place.inside)) {
        if (otherName !== undefined) onSkip({ source, reason: otherName });
      } else {
        const reason = await whyNot(entry, filePath, realRoot);
        if (reason === undefined) yield { kind: 'file', name, source, path: filePath };
        else if (typeof reason === 'string') onSkip({ source, reason });
        else
          yield {
            kind: 'unreadable',
            name,
            source,
            error: { code: 'unreadable', message: linkFault(reason) },
          };
      }
    }
  }
  yield* below({ inside: '', name: shownAs === '' ? root : shownAs, source: root, path: root }, depth);
}

/** A file or folder below the root. */
interface Place {
  /** Its path in the root. */
  inside: string;
  name: string;
  source: string;
  path: FilePath;
}

interface FolderEntry {
  entry: Dirent | Dirent<Buffer>;
  place: Place;
}

/** In order; an error of the folder itself. @throws {ImgclsError} when this machine lacks descriptors or memory. */
async function readFolder(folder: Place, walk: FolderWalk): Promise<FolderEntry[] | Error> {
  const entries = await retryShortage(folder.source, () => readEntries(folder.path), walk).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.syscall === undefined) throw error;
      return error;
    },
  );
  if (entries instanceof Error) return entries;
  const named = entries.map(
    (entry): FolderEntry => ({ entry, place: placeBelow(folder, entry, walk.shownAs) }),
  );
  return named.sort((a, b) => (a.place.inside < b.place.inside ? -1 : 1));
}

/** Node puts this character where a name is not UTF-8. */
const NOT_UTF8 = '\ufffd';

/** Reads the names as bytes only where that is needed: their paths take more memory and are slower. */
async function readEntries(folder: FilePath): Promise<Dirent[] | Dirent<Buffer>[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const isUtf8 = typeof folder === 'string' && !entries.some(({ name }) => name.includes(NOT_UTF8));
  return isUtf8 ? entries : await readdir(folder, { withFileTypes: true, encoding: 'buffer' });
}

function placeBelow(folder: Place, { name }: FolderEntry['entry'], shownAs: string): Place {
  const inside = folder.inside === '' ? name.toString() : `${folder.inside}/${name}`;
  return {
    inside,
    name: shownAs === '' ? inside : path.join(shownAs, inside),
    source: pathFrom(folder.source, name.toString()),
    path: pathBelow(folder.path, name),
  };
}

function pathBelow(folder: FilePath, name: string | Buffer): FilePath {
  if (typeof folder === 'string' && typeof name === 'string') return pathFrom(folder, name);
  return Buffer.concat([Buffer.from(folder), Buffer.from(path.sep), Buffer.from(name)]);
}

/** A target does not exist, or leads to itself. */
const BROKEN = new Set(['ENOENT', 'ELOOP', 'ENOTDIR']);

/**
 * Why an entry is skipped, or the error of a link that cannot be followed. Follows links only to files inside the folder: an
 * untrusted folder must not give access to files outside.
 */
async function whyNot(
  entry: FolderEntry['entry'],
  filePath: FilePath,
  realRoot: string,
): Promise<string | NodeJS.ErrnoException | undefined> {
  if (entry.isFile()) return undefined;
  if (!entry.isSymbolicLink()) return NOT_A_FILE;
  try {
    const target = await realpath(filePath);
    if (!target.startsWith(realRoot + path.sep)) return 'link to a target outside the folder';
    return (await lstat(target)).isFile() ? undefined : 'link to a target that is not a file';
  } catch (error) {
    const fault = error as NodeJS.ErrnoException;
    return BROKEN.has(fault.code ?? '') ? 'broken link' : fault;
  }
}

const linkFault = (error: NodeJS.ErrnoException) => `Cannot follow the link: ${readFault(error)}.`;
