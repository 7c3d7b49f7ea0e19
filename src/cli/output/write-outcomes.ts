import { labelAt } from '../../core/model/level.ts';
import { isError, type Outcome } from '../../core/model/outcome.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import { GUESS_BELOW, WarningCounts } from '../../core/text/warning-text.ts';
import { createExporter, type Exporter, type ExportOptions, isUnsure } from '../../results/export.ts';
import { refuseDamage } from '../../results/refuse-damage.ts';
import { screenOf } from '../terminal/screen.ts';
import { FailedImages } from './failed-images.ts';
import { type Output, type OutputFlags, outputFormatOf } from './output.ts';

/** What was written. */
export interface Written {
  images: number;
  failed: FailedImages;
  /** Of predictions. */
  warnings: WarningCounts;
  /** Labels without a warning and with a score below `unsureBelow`. */
  unsure: number;
  unsureBelow: number;
  /** Predictions without a category, if categories were written. */
  withoutCategory: number;
  /** Labels were counted, and not written one by one. */
  isSummary: boolean;
  /** Only the failed images were written. */
  onlyErrors: boolean;
}

/** Writes the outcomes of a job as they arrive. */
export async function writeOutcomes(
  outcomes: AsyncIterable<Outcome>,
  flags: OutputFlags,
  { output, job }: { output: Output; job: string },
): Promise<Written> {
  const options = { unsureBelow: Math.max(flags.minScore ?? 0, GUESS_BELOW), level: flags.level ?? 'class' };
  const exporter = await exporterFor(flags, { ...options, job });
  const written: Written = {
    images: 0,
    failed: new FailedImages(),
    warnings: new WarningCounts(),
    unsure: 0,
    unsureBelow: options.unsureBelow,
    withoutCategory: 0,
    isSummary: false,
    onlyErrors: flags.errors === true,
  };
  await output.write(exporter.begin());
  for await (const found of outcomes) {
    const outcome = flags.strict === true ? refuseDamage(found) : found;
    count(outcome, written, options);
    if (flags.errors !== true || isError(outcome)) await output.write(exporter.row(outcome));
  }
  await output.write(exporter.end());
  written.isSummary = exporter.isSummary?.() ?? false;
  return written;
}

function count(outcome: Outcome, written: Written, options: Required<ExportOptions>): void {
  written.images++;
  if (isError(outcome)) written.failed.add(outcome);
  else {
    if (outcome.warning !== undefined) written.warnings.add(outcome.warning);
    else if (isUnsure(outcome, options)) written.unsure++;
    if (labelAt(outcome, options.level) === undefined) written.withoutCategory++;
  }
}

/**
 * On a terminal the default is a table or, of many images, a summary; elsewhere lines. Errors are a table anywhere, for the
 * sake of their reasons.
 */
async function exporterFor(
  flags: OutputFlags,
  { job, ...options }: Required<ExportOptions> & { job: string },
): Promise<Exporter<string | Uint8Array> & { isSummary?(): boolean }> {
  const { output, minScore = 0 } = flags;
  const asked = { ...options, unsureBelow: minScore };
  const format = outputFormatOf(flags) ?? (flags.errors === true ? 'table' : undefined);
  const screen = output === undefined ? screenOf(process.stdout) : undefined;
  if (format === 'parquet') {
    if (screen !== undefined) throw notOnTerminal();
    const { parquetExporter } = await import('../../results/parquet.ts');
    return parquetExporter({ ...asked, job });
  }
  if (format !== undefined && format !== 'table') return createExporter(format, asked);
  if (format === undefined && screen === undefined) return createExporter('lines', asked);
  const { errorTable, outcomeTable } = await import('./table-exporter.ts');
  if (flags.errors === true) return errorTable(screen);
  const table = outcomeTable(screen, options);
  if (format === 'table' || screen === undefined) return table;
  return (await import('./summary-exporter.ts')).tableOrSummary(table, screen, options.level);
}

const notOnTerminal = (): ImgclsError =>
  new ImgclsError('usage', 'Cannot write Parquet to a terminal: it is not text.', {
    hint: 'Name a file: --output labels.parquet',
  });
