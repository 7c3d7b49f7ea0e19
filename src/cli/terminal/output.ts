import { once } from 'node:events';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { isError, type Outcome } from '../../core/model/outcome.ts';
import { ImgclsError, messageOf } from '../../core/runtime/errors.ts';
import { createExporter, type Exporter } from '../../results/export.ts';
import { formatEndings, type OutputFormat } from './output-formats.ts';

/** Where results go. */
export interface Output {
  /** Waits where the reader is slower than we are, so that memory does not fill with what it has not read. */
  write(text: string): Promise<void>;
  /** Everything is written: a file appears under its name. */
  finish(): Promise<void>;
  /** Lets go of it. Results that were not finished leave no file. */
  close(): Promise<void>;
}

/** Where results go and how they are written. */
export interface OutputFlags {
  format?: OutputFormat;
  output?: string;
}

/** @throws {ImgclsError} of kind `usage` when the file cannot be written. */
export async function openOutput(file: string | undefined): Promise<Output> {
  if (file === undefined) return standardOutput();
  // A device or a pipe is written to; only a file can appear when it is whole.
  const isPlain = await stat(file).then(
    (found) => found.isFile(),
    () => true,
  );
  // The run may change its folder before the end.
  const whole = path.resolve(file);
  const written = isPlain ? `${whole}.partial` : whole;
  const stream = (await openForWriting(written, file)).createWriteStream();
  // Errors are met by the next write, or by the end.
  stream.on('error', () => {});
  let isFinished = false;
  return {
    write: (text) => writeTo(stream, text),
    async finish() {
      stream.end();
      await finished(stream);
      if (isPlain) await rename(written, whole);
      isFinished = true;
    },
    async close() {
      if (isFinished) return;
      stream.destroy();
      if (isPlain) await rm(written, { force: true });
    },
  };
}

/** The file is written under a name that is none of its user's business. */
const WHY_NOT: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such folder',
  ENOTDIR: 'there is no such folder',
  EISDIR: 'it is a folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'its disk is mounted read-only',
  ENOSPC: 'the disk is full',
  ENAMETOOLONG: 'its name is too long',
};

async function openForWriting(written: string, file: string): Promise<FileHandle> {
  try {
    return await open(written, 'w');
  } catch (cause) {
    const why = WHY_NOT[(cause as NodeJS.ErrnoException).code ?? ''] ?? messageOf(cause);
    throw new ImgclsError('usage', `Cannot write to ${file}: ${why}.`, { cause });
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

/** What was asked for, else what the file's ending says. */
export function outputFormatOf({ format, output }: OutputFlags): OutputFormat | undefined {
  if (format !== undefined || output === undefined) return format;
  const ending = path.extname(output).slice(1).toLowerCase();
  return formatEndings.find((known) => known === ending);
}

/** @throws {ImgclsError} where there will be no results to write. */
export function checkOutputFlags({ wait, format, output }: OutputFlags & { wait: boolean }): void {
  const given = [
    ...(format === undefined ? [] : ['--format']),
    ...(output === undefined ? [] : ['--output']),
  ];
  if (wait || given.length === 0) return;
  throw new ImgclsError('usage', `--no-wait leaves before there are results for ${given.join(' and ')}.`, {
    hint: `"imgcls results JOB --wait ${given.join(' ... ')} ..." writes them.`,
  });
}

/** A terminal gets a table, anything else gets lines, where nothing was asked for. */
async function exporterFor(flags: OutputFlags): Promise<Exporter> {
  const { output } = flags;
  const format = outputFormatOf(flags);
  if (format !== undefined && format !== 'table') return createExporter(format);
  const isTable = format === 'table' || (output === undefined && process.stdout.isTTY);
  return isTable ? (await import('./table-exporter.ts')).tableOrLines() : createExporter('lines');
}

/** How many outcomes were written, how many of them are errors, and how many are labels of images too small to trust. */
export interface Written {
  images: number;
  errors: number;
  lowResolution: number;
}

/** Writes outcomes as they come. */
export async function writeOutcomes(
  outcomes: AsyncIterable<Outcome>,
  flags: OutputFlags,
  output: Output,
): Promise<Written> {
  const exporter = await exporterFor(flags);
  const written: Written = { images: 0, errors: 0, lowResolution: 0 };
  await output.write(exporter.begin());
  for await (const outcome of outcomes) {
    written.images++;
    if (isError(outcome)) written.errors++;
    else if (outcome.warning === 'low_resolution') written.lowResolution++;
    await output.write(exporter.row(outcome));
  }
  await output.write(exporter.end());
  return written;
}
