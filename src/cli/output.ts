import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { isError, type Outcome } from '../core/outcome.ts';
import { createExporter, type Exporter } from '../results/export.ts';
import type { OutputFormat } from './output-formats.ts';

/** Where results go: standard output, or a file that appears under its name when it is whole. */
export interface Output {
  write(text: string): Promise<void>;
  /** @param whole false when the results are cut short: the file then does not appear. */
  end(whole: boolean): Promise<void>;
}

export function openOutput(file: string | undefined): Output {
  if (file === undefined) return { write: (text) => writeTo(process.stdout, text), end: async () => {} };
  const partial = `${file}.partial`;
  const stream = createWriteStream(partial);
  return {
    write: (text) => writeTo(stream, text),
    async end(whole) {
      stream.end();
      await finished(stream);
      await (whole ? rename(partial, file) : rm(partial, { force: true }));
    },
  };
}

/** Waits where the reader is slower than we are, so that memory does not fill with what it has not read. */
async function writeTo(stream: Writable, text: string): Promise<void> {
  if (stream.errored) throw stream.errored;
  if (text !== '' && !stream.write(text)) await once(stream, 'drain');
}

/** Where results go and how they are written. */
export interface OutputFlags {
  format?: OutputFormat;
  output?: string;
}

/** A terminal gets a table, anything else gets lines, where nothing was asked for. */
async function exporterFor({ format, output }: OutputFlags): Promise<Exporter> {
  if (format !== undefined && format !== 'table') return createExporter(format);
  const { tableExporter, tableOrLines } = await import('./table.ts');
  if (format === 'table') return tableExporter();
  return output === undefined && process.stdout.isTTY ? tableOrLines() : createExporter('lines');
}

/** Writes outcomes as they come. @returns how many there were and how many of them are errors. */
export async function writeOutcomes(
  outcomes: AsyncIterable<Outcome>,
  flags: OutputFlags,
): Promise<{ images: number; errors: number }> {
  const exporter = await exporterFor(flags);
  const output = openOutput(flags.output);
  let images = 0;
  let errors = 0;
  let whole = false;
  try {
    await output.write(exporter.begin());
    for await (const outcome of outcomes) {
      images++;
      if (isError(outcome)) errors++;
      await output.write(exporter.row(outcome));
    }
    await output.write(exporter.end());
    whole = true;
  } finally {
    await output.end(whole);
  }
  return { images, errors };
}
