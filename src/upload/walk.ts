import { isUtf8 } from 'node:buffer';
import { stat } from 'node:fs/promises';
import { addAbortSignal, type Readable } from 'node:stream';
import { faultOfAddress, isWebAddress } from '../core/network/web-address.ts';
import { ImgclsError, readFault } from '../core/runtime/errors.ts';
import { isInventory } from './bucket/inventory.ts';
import { type WalkBucketOptions, walkInventory, walkPrefix } from './bucket/walk-bucket.ts';
import type { Accepts, Input, Skipped } from './inputs.ts';
import {
  accepts,
  acceptsGlob,
  acceptsListed,
  acceptsNamed,
  excludes,
  parseGlob,
  parseS3Address,
} from './select.ts';
import { NOT_A_FILE, walkFolder } from './walk-folder.ts';

export interface WalkOptions extends Omit<WalkBucketOptions, 'isOnly' | 'otherName'> {
  /** Paths, one per line or separated by NUL, for the input `-`. */
  stdin: Readable;
  /** Called when the list on standard input has no path. */
  onEmptyList?(): void;
}

/** The images of files, folders, globs, `s3://bucket/prefix`, manifests of S3 Inventory, web addresses, and `-` (a list on standard input). */
export async function* walkInputs(inputs: readonly string[], options: WalkOptions): AsyncGenerator<Input> {
  for (const input of inputs) await checkInput(input);
  const isOnly = inputs.length === 1;
  const acceptFile = acceptsNamed(inputs, options.include, options.exclude);
  for (const input of inputs) {
    const address = parseS3Address(input);
    const inBucket = { ...options, otherName: otherNameOf(options), isOnly };
    if (input === '-') yield* walkList(options);
    else if (address !== undefined)
      yield* isInventory(input) ? walkInventory(address, inBucket) : walkPrefix(address, inBucket);
    else if (isWebAddress(input)) yield imageAt(input);
    else yield* walkPath(input, isOnly, { ...options, acceptFile });
  }
}

/** How paths are walked. */
interface PathOptions extends WalkOptions {
  /** Whether a file that is named by its path is taken. */
  acceptFile: Accepts;
}

async function* walkList(options: WalkOptions): AsyncGenerator<Input> {
  let isEmpty = true;
  const acceptFile = acceptsListed(options.include, options.exclude);
  for await (const bytes of linesOf(options.stdin, options.signal)) {
    if (bytes.length === 0) continue;
    isEmpty = false;
    const line = bytes.toString();
    if (!isUtf8(bytes)) {
      if (acceptFile(line)) yield { kind: 'file', name: line, source: line, path: bytes };
      else options.onSkip({ source: line, reason: otherNameOf(options) });
      continue;
    }
    const address = parseS3Address(line);
    // The name of a listed path does not depend on the other lines.
    if (address !== undefined)
      yield* walkPrefix(address, { ...options, otherName: otherNameOf(options), isOnly: false });
    else if (isWebAddress(line)) yield imageAt(line);
    else yield* walkListed(line, { ...options, acceptFile });
  }
  if (isEmpty) options.onEmptyList?.();
}

/** An image of the web, which is taken whatever its name, as a file that is named alone. */
const imageAt = (url: string): Input => ({ kind: 'url', name: url, source: url, url });

/** Every line of a list has an outcome, also one that looks like a glob and matches nothing. */
async function* walkListed(line: string, options: PathOptions): AsyncGenerator<Input> {
  let isUnmatched = false;
  const onSkip = (skipped: Skipped) => {
    if (skipped.source === line && skipped.reason === NO_MATCH) isUnmatched = true;
    else options.onSkip(skipped);
  };
  yield* walkPath(line, false, { ...options, onSkip });
  if (isUnmatched) yield missing(line, NO_MATCH);
}

const LINE_FEED = '\n';
const NUL = '\0';

/** No system has longer paths. Input without line ends is not a list, and must not fill the memory. */
const MAX_LINE_BYTES = 65_536;

/**
 * Lines end with LF or CRLF, or all with NUL if there is any, as no path can contain it. readline also splits at other
 * characters, which a name may contain.
 */
async function* linesOf(stdin: Readable, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  let rest = '';
  let end = LINE_FEED;
  for await (const text of latin1Of(stdin, signal)) {
    if (text.includes(NUL)) end = NUL;
    const lines = (rest + text).split(end);
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_BYTES) {
      throw new ImgclsError('usage', `A line on standard input has more than ${MAX_LINE_BYTES} bytes.`, {
        hint: 'Write one path per line, or separate paths by NUL.',
      });
    }
    for (const line of lines) {
      if (end === NUL && line === '') throw notAList();
      yield Buffer.from(end === NUL ? line : line.replace(/\r$/, ''), 'latin1');
    }
  }
  yield Buffer.from(rest.replace(/\r$/, ''), 'latin1');
}

/** Nothing writes empty paths: it is another file, which may never end. */
const notAList = (): ImgclsError =>
  new ImgclsError('usage', 'Standard input is not a list of paths: it has two NUL characters in a row.', {
    hint: 'To label one file, pass its path.',
  });

/** Each byte as a character, as a name need not be UTF-8. An aborted list must not look like a complete one. */
async function* latin1Of(stdin: Readable, signal: AbortSignal | undefined): AsyncGenerator<string> {
  try {
    for await (const chunk of signal === undefined ? stdin : addAbortSignal(signal, stdin))
      yield Buffer.from(chunk).toString('latin1');
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
  signal?.throwIfAborted();
}

/** Reports a mistyped input before anything is done. @throws {ImgclsError} of kind `usage`. */
async function checkInput(input: string): Promise<void> {
  if (input === '-' || parseS3Address(input) !== undefined) return;
  if (isWebAddress(input)) return requireFetchable(input);
  const found = await stat(input).catch((error: NodeJS.ErrnoException) => error);
  if (!(found instanceof Error) || parseGlob(input) !== undefined) return;
  throw new ImgclsError('usage', `Cannot read ${input}: ${readFault(found)}.`, {
    hint: 'Pass files, folders, globs, s3://bucket/prefix, web addresses, or - for a list on standard input.',
    cause: found,
  });
}

function requireFetchable(input: string): void {
  const fault = faultOfAddress(input);
  if (fault === undefined) return;
  throw new ImgclsError('usage', `Cannot fetch ${input}: it ${fault}.`, {
    hint: 'Pass the address of an image, such as https://example.org/photo.jpg.',
  });
}

/** A missing path becomes an image with an error: it was deleted meanwhile, or is from a list. */
async function* walkPath(input: string, isOnly: boolean, options: PathOptions): AsyncGenerator<Input> {
  const found = await stat(input).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error) {
    const glob = parseGlob(input);
    if (glob !== undefined) {
      yield* walkGlob(input, glob, options);
    } else {
      yield missing(input, readFault(found));
    }
  } else if (found.isDirectory()) {
    yield* walkFolder(input, {
      ...options,
      shownAs: isOnly ? '' : input,
      accept: accepts(options.include, options.exclude),
      isExcluded: excludes(options.exclude),
      otherName: otherNameOf(options),
      depth: Number.POSITIVE_INFINITY,
    });
  } else if (found.isFile()) {
    if (options.acceptFile(input)) yield { kind: 'file', name: input, source: input, path: input };
    else options.onSkip({ source: input, reason: otherNameOf(options) });
  } else {
    options.onSkip({ source: input, reason: NOT_A_FILE });
  }
}

const NO_MATCH = 'matches no file';

const missing = (input: string, why: string): Input => ({
  kind: 'unreadable',
  name: input,
  source: input,
  error: { code: 'missing', message: `Cannot read the file: ${why}.` },
});

async function* walkGlob(
  input: string,
  { folder, pattern, depth }: { folder: string; pattern: string; depth: number },
  options: WalkOptions,
): AsyncGenerator<Input> {
  let matches = 0;
  for await (const image of walkFolder(folder, {
    ...options,
    shownAs: folder === '.' ? '' : folder,
    accept: acceptsGlob(pattern, options.exclude),
    isExcluded: excludes(options.exclude),
    depth,
  })) {
    matches++;
    yield image;
  }
  if (matches === 0) options.onSkip({ source: input, reason: NO_MATCH });
}

export const OTHER_NAME = 'not an image file name';

/** Why a file is skipped by its name. */
const otherNameOf = ({ include, exclude }: WalkOptions): string =>
  include.length + exclude.length > 0 ? 'excluded by --include or --exclude' : OTHER_NAME;
