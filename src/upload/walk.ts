import type { Dirent } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';
import type { Store } from '../core/cloud/ports.ts';
import { ImgclsError, readFault } from '../core/runtime/errors.ts';
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
  /** Told when the list on standard input has no path. */
  onEmptyList?(): void;
  signal?: AbortSignal;
}

/** A file, folder, glob, `-` or `s3://bucket/prefix`. */
export async function* walkInputs(inputs: readonly string[], options: WalkOptions): AsyncGenerator<Input> {
  for (const input of inputs) await checkInput(input);
  const isOnly = inputs.length === 1;
  for (const input of inputs) {
    const address = parseS3Address(input);
    if (input === '-') yield* walkList(options);
    else if (address !== undefined) yield* walkPrefix(address, isOnly, options);
    else yield* walkPath(input, isOnly, options);
  }
}

async function* walkList(options: WalkOptions): AsyncGenerator<Input> {
  let isEmpty = true;
  for await (const line of linesOf(options.stdin, options.signal)) {
    if (line === '') continue;
    isEmpty = false;
    const address = parseS3Address(line);
    // A listed path keeps the name that it is listed by, whatever else is listed.
    if (address !== undefined) yield* walkPrefix(address, false, options);
    else yield* walkListed(line, options);
  }
  if (isEmpty) options.onEmptyList?.();
}

/** A line of a list has an outcome also where nothing has its name, though that may look like a glob. */
async function* walkListed(line: string, options: WalkOptions): AsyncGenerator<Input> {
  let isUnmatched = false;
  const onSkip = (skipped: Skipped) => {
    if (skipped.source === line && skipped.reason === NO_MATCH) isUnmatched = true;
    else options.onSkip(skipped);
  };
  yield* walkPath(line, false, { ...options, onSkip });
  if (isUnmatched) yield missing(line, NO_MATCH);
}

/** No system has longer paths; what has no line ends is no list, and must not fill the memory. */
const MAX_LINE_CHARS = 65_536;

/** Ends of lines are LF or CRLF; a name may hold the other characters that readline takes for one. */
async function* linesOf(stdin: Readable, signal: AbortSignal | undefined): AsyncGenerator<string> {
  let rest = '';
  for await (const text of textOf(stdin, signal)) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_CHARS) {
      throw new ImgclsError('usage', `The list has a line of more than ${MAX_LINE_CHARS} characters.`, {
        hint: 'Give one path a line on standard input.',
      });
    }
    for (const line of lines) yield line.replace(/\r$/, '');
  }
  yield rest.replace(/\r$/, '');
}

/** A list that was cut off must not end like one that is complete. */
async function* textOf(stdin: Readable, signal: AbortSignal | undefined): AsyncGenerator<string> {
  stdin.setEncoding('utf8');
  try {
    yield* signal === undefined ? stdin : addAbortSignal(signal, stdin);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
  signal?.throwIfAborted();
}

/** A mistake in a command is told before anything is done. @throws {ImgclsError} of kind `usage`. */
async function checkInput(input: string): Promise<void> {
  if (input === '-' || parseS3Address(input) !== undefined) return;
  const found = await stat(input).catch((error: NodeJS.ErrnoException) => error);
  if (!(found instanceof Error) || parseGlob(input) !== undefined) return;
  throw new ImgclsError('usage', `Cannot read ${input}: ${readFault(found)}.`, {
    hint: 'Give files, folders, globs, s3://bucket/prefix, or - for a list on standard input.',
    cause: found,
  });
}

/** A path that is gone by its turn, or one of a list that never was there, is an outcome among others. */
async function* walkPath(input: string, isOnly: boolean, options: WalkOptions): AsyncGenerator<Input> {
  const found = await stat(input).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error) {
    const glob = parseGlob(input);
    if (glob !== undefined) {
      yield* walkGlob(input, glob, options);
    } else {
      yield missing(input, readFault(found));
    }
  } else if (found.isDirectory()) {
    const accept = accepts(options.include, options.exclude);
    yield* walkFolder(input, {
      shownAs: isOnly ? '' : input,
      accept,
      otherName: otherNameOf(options),
      depth: Number.POSITIVE_INFINITY,
      skip: options.onSkip,
      signal: options.signal,
    });
  } else if (found.isFile()) {
    yield { kind: 'file', name: input, source: input, path: input };
  } else {
    options.onSkip({ source: input, reason: 'it is not a regular file' });
  }
}

const NO_MATCH = 'it matches no file';

const missing = (input: string, why: string): Input => ({
  kind: 'unreadable',
  name: input,
  source: input,
  error: { code: 'missing', message: `Cannot read the file: ${why}.` },
});

async function* walkGlob(
  input: string,
  { folder, pattern, depth }: { folder: string; pattern: string; depth: number },
  { exclude, onSkip, signal }: WalkOptions,
): AsyncGenerator<Input> {
  const accept = acceptsGlob(pattern, exclude);
  const shownAs = folder === '.' ? '' : folder;
  let matches = 0;
  for await (const image of walkFolder(folder, {
    shownAs,
    accept,
    depth,
    skip: onSkip,
    signal,
  })) {
    matches++;
    yield image;
  }
  if (matches === 0) onSkip({ source: input, reason: NO_MATCH });
}

export const OTHER_NAME = 'its name is not one of an image';

/** Why the name of a file keeps it out. */
const otherNameOf = ({ include, exclude }: WalkOptions): string =>
  include.length + exclude.length > 0 ? '--include or --exclude leaves it out' : OTHER_NAME;

interface FolderWalk {
  /** What stands before an image's path in the folder to make its name; empty for nothing. */
  shownAs: string;
  accept: Accepts;
  /** Why a file is left out that is not accepted; absent where that is not said, nor that a file is hidden. */
  otherName?: string;
  /** Levels to go down. */
  depth: number;
  skip(skipped: Skipped): void;
  signal: AbortSignal | undefined;
}

/** Depth first, names in code unit order, so that the same folder always gives the same job. */
async function* walkFolder(
  root: string,
  { shownAs, accept, otherName, depth, skip, signal }: FolderWalk,
): AsyncGenerator<Input> {
  const realRoot = await realpath(root).catch(() => root);

  async function* below(folder: string, levels: number): AsyncGenerator<Input> {
    const entries = await readFolder(path.join(root, folder), skip);
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      signal?.throwIfAborted();
      const inside = folder === '' ? entry.name : `${folder}/${entry.name}`;
      const source = path.join(root, inside);
      if (entry.name.startsWith('.')) {
        if (otherName !== undefined) skip({ source, reason: 'it is hidden' });
        continue;
      }
      if (entry.isDirectory()) {
        if (levels > 1) yield* below(inside, levels - 1);
        continue;
      }
      const isAccepted = accept(inside);
      const reason = isAccepted ? await whyNot(entry, source, realRoot) : otherName;
      if (reason !== undefined) skip({ source, reason });
      else if (isAccepted)
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
    skip({ source: folder, reason: `it cannot be read: ${readFault(error)}` });
    return [];
  }
}

/** Links are followed to files inside the folder only: a folder of strangers must not reach outside itself. */
async function whyNot(entry: Dirent, source: string, realRoot: string): Promise<string | undefined> {
  if (entry.isFile()) return undefined;
  if (!entry.isSymbolicLink()) return 'it is not a regular file';
  const target = await realpath(source).catch(() => undefined);
  if (target === undefined) return 'it is a link to nothing';
  if (!target.startsWith(realRoot + path.sep)) return 'it is a link out of the folder';
  return (await lstat(target)).isFile() ? undefined : 'it is a link to something that is not a file';
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
      options.onSkip({ source, reason: otherNameOf(options) });
    }
  }
}
