import type { Dirent } from 'node:fs';
import { lstat, readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { readFault } from '../core/runtime/errors.ts';
import type { Accepts, Input, Skipped } from './inputs.ts';
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
  const placeOf = (inside: string) => ({
    name: shownAs === '' ? inside || root : path.join(shownAs, inside),
    source: path.join(root, inside),
  });

  async function* below(folder: string, levels: number): AsyncGenerator<Input> {
    const place = placeOf(folder);
    const entries = await readFolder(place.source, walk);
    if (entries instanceof Error) {
      const why = `Cannot read the folder: ${readFault(entries)}.`;
      if (isExcluded(folder)) onSkip({ source: place.source, reason: 'excluded by --exclude' });
      else yield { kind: 'unreadable', ...place, error: { code: 'unreadable', message: why } };
      return;
    }
    for (const entry of entries) {
      signal?.throwIfAborted();
      const inside = folder === '' ? entry.name : `${folder}/${entry.name}`;
      const { name, source } = placeOf(inside);
      if (entry.name.startsWith('.')) {
        if (otherName !== undefined) onSkip({ source, reason: 'hidden' });
      } else if (entry.isDirectory()) {
        if (levels > 1) yield* below(inside, levels - 1);
      } else if (!accept(inside)) {
        if (otherName !== undefined) onSkip({ source, reason: otherName });
      } else {
        const reason = await whyNot(entry, source, realRoot);
        if (reason === undefined) yield { kind: 'file', name, source, path: source };
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
  yield* below('', depth);
}

/** In order; an error of the folder itself. @throws {ImgclsError} when this machine lacks descriptors or memory. */
async function readFolder(folder: string, tools: ReadTools): Promise<Dirent[] | Error> {
  const read = () => readdir(folder, { withFileTypes: true });
  const entries = await retryShortage(folder, read, tools).catch((error: NodeJS.ErrnoException) => {
    if (error.syscall === undefined) throw error;
    return error;
  });
  return entries instanceof Error ? entries : entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A target does not exist, or leads to itself. */
const BROKEN = new Set(['ENOENT', 'ELOOP', 'ENOTDIR']);

/**
 * Why an entry is skipped, or the error of a link that cannot be followed. Follows links only to files inside the folder: an
 * untrusted folder must not give access to files outside.
 */
async function whyNot(
  entry: Dirent,
  source: string,
  realRoot: string,
): Promise<string | NodeJS.ErrnoException | undefined> {
  if (entry.isFile()) return undefined;
  if (!entry.isSymbolicLink()) return NOT_A_FILE;
  try {
    const target = await realpath(source);
    if (!target.startsWith(realRoot + path.sep)) return 'link to a target outside the folder';
    return (await lstat(target)).isFile() ? undefined : 'link to a target that is not a file';
  } catch (error) {
    const fault = error as NodeJS.ErrnoException;
    return BROKEN.has(fault.code ?? '') ? 'broken link' : fault;
  }
}

const linkFault = (error: NodeJS.ErrnoException) => `Cannot follow the link: ${readFault(error)}.`;
