import type { Dirent } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { Readable } from 'node:stream';
import { ImgclsError, messageOf } from '../core/errors.ts';
import type { Store } from '../core/ports.ts';
import type { Accepts, Input, Skipped } from './inputs.ts';
import { accepts, acceptsGlob, parseGlob, parseS3Address } from './select.ts';

export interface WalkOptions {
  include: readonly string[];
  exclude: readonly string[];
  /** Lines of paths, for the input `-`. */
  stdin: Readable;
  /** A bucket that images are read from in place. */
  bucket(name: string): Store;
  /** Told of everything that is left out. */
  onSkip(skipped: Skipped): void;
}

/** A file, folder, glob, `-` or `s3://bucket/prefix`. */
export async function* walkInputs(inputs: readonly string[], options: WalkOptions): AsyncGenerator<Input> {
  const isOnly = inputs.length === 1;
  for (const input of inputs) {
    const address = parseS3Address(input);
    if (input === '-') yield* walkList(options);
    else if (address !== undefined) yield* walkPrefix(address, isOnly, options);
    else yield* walkPath(input, isOnly, options);
  }
}

async function* walkList(options: WalkOptions): AsyncGenerator<Input> {
  for await (const line of createInterface({ input: options.stdin, crlfDelay: Infinity })) {
    if (line === '') continue;
    const address = parseS3Address(line);
    // A listed path keeps the name that it is listed by, whatever else is listed.
    if (address !== undefined) yield* walkPrefix(address, false, options);
    else yield* walkPath(line, false, options, 'outcome');
  }
}

/**
 * @param missing what becomes of a path that is not there: a mistake in a command is told at once,
 *   one line of a long list is an outcome among others.
 */
async function* walkPath(
  input: string,
  isOnly: boolean,
  options: WalkOptions,
  missing: 'error' | 'outcome' = 'error',
): AsyncGenerator<Input> {
  const found = await stat(input).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error) {
    const glob = parseGlob(input);
    if (glob !== undefined) {
      const accept = acceptsGlob(glob.pattern, options.exclude);
      yield* walkFolder(glob.folder, {
        shownAs: glob.folder === '.' ? '' : glob.folder,
        accept,
        depth: glob.depth,
        skip: () => {},
      });
    } else if (missing === 'outcome') {
      const error = { code: 'missing', message: `Cannot read ${input}: ${found.message}` } as const;
      yield { kind: 'unreadable', name: input, source: input, error };
    } else {
      throw new ImgclsError('usage', `Cannot read ${input}: ${found.message}`, {
        hint: 'Give files, folders, globs, s3://bucket/prefix, or - for a list on standard input.',
        cause: found,
      });
    }
  } else if (found.isDirectory()) {
    const accept = accepts(options.include, options.exclude);
    yield* walkFolder(input, {
      shownAs: isOnly ? '' : input,
      accept,
      depth: Number.POSITIVE_INFINITY,
      skip: options.onSkip,
    });
  } else if (found.isFile()) {
    yield { kind: 'file', name: input, source: input, path: input };
  } else {
    options.onSkip({ source: input, reason: 'not a regular file' });
  }
}

interface FolderWalk {
  /** What stands before an image's path in the folder to make its name; empty for nothing. */
  shownAs: string;
  accept: Accepts;
  /** Levels to go down. */
  depth: number;
  skip(skipped: Skipped): void;
}

/** Depth first, names in code unit order, so that the same folder always gives the same job. */
async function* walkFolder(
  root: string,
  { shownAs, accept, depth, skip }: FolderWalk,
): AsyncGenerator<Input> {
  const realRoot = await realpath(root).catch(() => root);

  async function* below(folder: string, levels: number): AsyncGenerator<Input> {
    const entries = await readFolder(path.join(root, folder), skip);
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      if (entry.name.startsWith('.')) continue;
      const inside = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (levels > 1) yield* below(inside, levels - 1);
        continue;
      }
      const source = path.join(root, inside);
      const reason = accept(inside)
        ? await whyNot(entry, source, realRoot)
        : 'its name is not one of an image';
      if (reason !== undefined) skip({ source, reason });
      else
        yield {
          kind: 'file',
          name: shownAs === '' ? inside : path.join(shownAs, inside),
          source,
          path: source,
        };
    }
  }
  yield* below('', depth);
}

async function readFolder(folder: string, skip: FolderWalk['skip']): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    skip({ source: folder, reason: `it cannot be read: ${messageOf(error)}` });
    return [];
  }
}

/** Links are followed to files inside the folder only: a folder of strangers must not reach outside itself. */
async function whyNot(entry: Dirent, source: string, realRoot: string): Promise<string | undefined> {
  if (entry.isFile()) return undefined;
  if (!entry.isSymbolicLink()) return 'not a regular file';
  const target = await realpath(source).catch(() => undefined);
  if (target === undefined) return 'a link to nothing';
  if (!target.startsWith(realRoot + path.sep)) return 'a link out of the folder';
  return (await lstat(target)).isFile() ? undefined : 'a link to something that is not a file';
}

async function* walkPrefix(
  { bucket, prefix }: { bucket: string; prefix: string },
  isOnly: boolean,
  options: WalkOptions,
): AsyncGenerator<Input> {
  const accept = accepts(options.include, options.exclude);
  const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  for await (const { key, etag, bytes } of options.bucket(bucket).list(prefix)) {
    // Consoles mark a folder by an empty object whose key ends in a slash.
    if (key.endsWith('/')) continue;
    const source = `s3://${bucket}/${key}`;
    // The key itself, named outright, is taken whatever its ending, like a file.
    const inside = key.slice(folder.length);
    if (key === prefix || accept(inside)) {
      yield { kind: 'object', name: isOnly ? inside : source, source, bucket, key, etag, bytes };
    } else {
      options.onSkip({ source, reason: 'its name is not one of an image' });
    }
  }
}
