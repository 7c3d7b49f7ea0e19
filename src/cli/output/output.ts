import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { finished } from 'node:stream/promises';
import type { Level } from '../../core/model/level.ts';
import { type ErrorKind, ImgclsError, messageOf } from '../../core/runtime/errors.ts';
import { isClosedPipe } from '../terminal/exit.ts';
import { terminal, writeTo } from '../terminal/terminal.ts';
import { formatsByEnding, type OutputFormat } from './output-formats.ts';

/** The destination of results. */
export interface Output {
  /** Waits for a slow reader, to bound memory. */
  write(part: string | Uint8Array): Promise<void>;
  /** Completes the output: a file appears under its name. */
  finish(): Promise<void>;
  /** Closes the output. Unfinished results leave no file. */
  close(): Promise<void>;
}

/** The flags of commands that print results. */
export interface OutputFlags {
  format?: OutputFormat;
  output?: string;
  /** Damaged images are written and counted as errors. */
  strict?: boolean;
  /** Labels with a lower score are marked `unsure`. */
  minScore?: number;
  level?: Level;
  /** Writes only the images that have an error. */
  errors?: boolean;
}

/** @throws {ImgclsError} of kind `usage` when the file cannot be written. */
export async function openOutput(file: string | undefined): Promise<Output> {
  if (file === undefined) return standardOutput();
  // Only a regular file can be renamed when it is complete; a device or a pipe is written directly.
  const isRegular = await stat(file).then(
    (found) => found.isFile(),
    () => true,
  );
  // The command may change its working directory.
  const complete = path.resolve(file);
  const written = isRegular ? `${complete}.partial` : complete;
  const stream = (await openForWriting(written, file)).createWriteStream();
  // The next write throws this error, or finish() does.
  stream.on('error', () => {});
  let isFinished = false;
  return {
    write: (part) => writeTo(stream, part).catch(cannotWriteTo(file)),
    async finish() {
      stream.end();
      await finished(stream).catch(cannotWriteTo(file));
      if (isRegular) await rename(written, complete);
      isFinished = true;
    },
    async close() {
      if (isFinished) return;
      stream.destroy();
      if (isRegular) await rm(written, { force: true });
    },
  };
}

/** Reasons without the path, which would be the one of the partial file. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such folder',
  ENOTDIR: 'no such folder',
  EISDIR: 'it is a folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the disk is mounted read-only',
  ENOSPC: 'the disk is full',
  ENAMETOOLONG: 'the name is too long',
};

async function openForWriting(written: string, file: string): Promise<FileHandle> {
  try {
    return await open(written, 'w');
  } catch (cause) {
    throw writeError('usage', file, cause);
  }
}

/** @param where a file as given, or `standard output`. */
const cannotWriteTo = (where: string) => (cause: unknown) => {
  throw isClosedPipe(cause) ? cause : writeError('permanent', where, cause);
};

export function writeError(kind: ErrorKind, where: string, cause: unknown): ImgclsError {
  const reason = REASONS[(cause as NodeJS.ErrnoException).code ?? ''] ?? messageOf(cause);
  const isFull = (cause as NodeJS.ErrnoException).code === 'ENOSPC';
  return new ImgclsError(kind, `Cannot write to ${where}: ${reason}.`, {
    cause,
    ...(isFull && { hint: 'Free some space, or choose another place with --output.' }),
  });
}

const STANDARD_OUTPUT = 'standard output';

function standardOutput(): Output {
  return {
    write: (part) => terminal.write(part).catch(cannotWriteTo(STANDARD_OUTPUT)),
    finish: () => terminal.flush().catch(cannotWriteTo(STANDARD_OUTPUT)),
    close: async () => {},
  };
}

/** The format that the flags or the ending of the file select; undefined if neither does. */
export function outputFormatOf({ format, output }: OutputFlags): OutputFormat | undefined {
  if (format !== undefined || output === undefined) return format;
  return formatsByEnding[path.extname(output).toLowerCase()];
}

/** @throws {ImgclsError} for output flags with --no-wait. */
export function checkOutputFlags(given: OutputFlags & { wait: boolean }): void {
  const { wait, format, output, strict, minScore, level } = given;
  const flags = [
    ...(format === undefined ? [] : ['--format']),
    ...(output === undefined ? [] : ['--output']),
    ...(strict === true ? ['--strict'] : []),
    ...(minScore === undefined ? [] : ['--min-score']),
    ...(level === undefined ? [] : ['--level']),
  ];
  if (wait || flags.length === 0) return;
  throw new ImgclsError(
    'usage',
    `Cannot use ${flags.join(' and ')} with --no-wait: there are no results yet.`,
    { hint: `Give ${flags.join(' and ')} to "imgcls results JOB --wait".` },
  );
}
