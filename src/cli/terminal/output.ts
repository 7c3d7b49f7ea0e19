import { once } from 'node:events';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { isError, type Outcome } from '../../core/model/outcome.ts';
import { ImgclsError, messageOf } from '../../core/runtime/errors.ts';
import { WarningCounts } from '../../core/text/warning-text.ts';
import { createExporter, type Exporter } from '../../results/export.ts';
import { refuseDamage } from '../../results/refuse-damage.ts';
import { formatEndings, type OutputFormat } from './output-formats.ts';

/** The destination of results. */
export interface Output {
  /** Waits for a slow reader, to bound memory. */
  write(text: string): Promise<void>;
  /** Completes the output: a file appears under its name. */
  finish(): Promise<void>;
  /** Closes the output. Unfinished results leave no file. */
  close(): Promise<void>;
}

/** `--format`, `--output` and `--strict`. */
export interface OutputFlags {
  format?: OutputFormat;
  output?: string;
  /** Damaged images are written and counted as errors. */
  strict?: boolean;
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
    write: (text) => writeTo(stream, text),
    async finish() {
      stream.end();
      await finished(stream);
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
    const reason = REASONS[(cause as NodeJS.ErrnoException).code ?? ''] ?? messageOf(cause);
    throw new ImgclsError('usage', `Cannot write to ${file}: ${reason}.`, { cause });
  }
}

function standardOutput(): Output {
  const { stdout } = process;
  return {
    write: (text) => writeTo(stdout, text),
    finish: () =>
      new Promise((resolve, reject) => {
        stdout.write('', (error) => (error ? reject(error) : resolve()));
      }),
    close: async () => {},
  };
}

async function writeTo(stream: Writable, text: string): Promise<void> {
  if (stream.errored) throw stream.errored;
  if (text !== '' && !stream.write(text)) await once(stream, 'drain');
}

/** The format that the flags or the ending of the file select; undefined if neither does. */
export function outputFormatOf({ format, output }: OutputFlags): OutputFormat | undefined {
  if (format !== undefined || output === undefined) return format;
  const ending = path.extname(output).slice(1).toLowerCase();
  return formatEndings.find((known) => known === ending);
}

/** @throws {ImgclsError} for output flags with --no-wait. */
export function checkOutputFlags({ wait, format, output, strict }: OutputFlags & { wait: boolean }): void {
  const flags = [
    ...(format === undefined ? [] : ['--format']),
    ...(output === undefined ? [] : ['--output']),
    ...(strict === true ? ['--strict'] : []),
  ];
  if (wait || flags.length === 0) return;
  throw new ImgclsError(
    'usage',
    `Cannot use ${flags.join(' and ')} with --no-wait: there are no results yet.`,
    { hint: `Give ${flags.join(' and ')} to "imgcls results JOB --wait".` },
  );
}

/** The default is a table on a terminal, and lines elsewhere. */
async function exporterFor(flags: OutputFlags): Promise<Exporter> {
  const { output } = flags;
  const format = outputFormatOf(flags);
  if (format !== undefined && format !== 'table') return createExporter(format);
  const isTable = format === 'table' || (output === undefined && process.stdout.isTTY);
  return isTable ? (await import('./table-exporter.ts')).tableOrLines() : createExporter('lines');
}

/** Counts of outcomes that were written. */
export interface Written {
  images: number;
  errors: number;
  /** Of predictions. */
  warnings: WarningCounts;
}

/** Writes outcomes as they arrive. */
export async function writeOutcomes(
  outcomes: AsyncIterable<Outcome>,
  flags: OutputFlags,
  output: Output,
): Promise<Written> {
  const exporter = await exporterFor(flags);
  const written: Written = { images: 0, errors: 0, warnings: new WarningCounts() };
  await output.write(exporter.begin());
  for await (const found of outcomes) {
    const outcome = flags.strict === true ? refuseDamage(found) : found;
    written.images++;
    if (isError(outcome)) written.errors++;
    else if (outcome.warning !== undefined) written.warnings.add(outcome.warning);
    await output.write(exporter.row(outcome));
  }
  await output.write(exporter.end());
  return written;
}
