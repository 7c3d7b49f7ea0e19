import { type Level, labelAt } from '../core/model/level.ts';
import { isError, type Outcome } from '../core/model/outcome.ts';
import { harmless, plainName } from '../core/text/harmless.ts';
import type { ExportFormat } from './export-format-names.ts';

/** One format: `begin`, then a `row` per outcome, then `end`. Every text has whole lines, as progress may be shown below. */
export interface Exporter<Part = string> {
  begin(): Part;
  row(outcome: Outcome): Part;
  end(): Part;
}

export interface ExportOptions {
  /** Labels with a lower score are marked `unsure`. */
  unsureBelow?: number;
  /** Of the labels in lines, and of those that may be unsure. JSON and CSV have the labels of both levels. */
  level?: Level;
}

/** One outcome for programs. A prediction has its best label at the top level. */
export function exportedOutcome(outcome: Outcome, options: ExportOptions = {}): object {
  const { index, name } = outcome;
  if (isError(outcome)) return { index, name, error: outcome.error };
  const { labels, category, model, ms, known, warning, decodedShare, source } = outcome;
  const [best] = labels;
  const { label, wnid, score } = best ?? {};
  return {
    index,
    name,
    label,
    wnid,
    score,
    labels,
    ...(category !== undefined && { category }),
    model,
    ms: Math.round(ms * 10) / 10,
    ...(known !== undefined && { known }),
    ...(warning !== undefined && { warning }),
    ...(decodedShare !== undefined && { decodedShare }),
    ...(source !== undefined && { source }),
    ...(isUnsure(outcome, options) && { unsure: true }),
  };
}

/** Whether an outcome has a label whose score is too low. */
export function isUnsure(outcome: Outcome, { unsureBelow = 0, level = 'class' }: ExportOptions): boolean {
  const best = labelAt(outcome, level);
  return best !== undefined && best.score < unsureBelow;
}

/** Control characters can only be in JSON strings, where they may be escaped. */
const jsonOf = (outcome: Outcome, options: ExportOptions): string =>
  harmless(JSON.stringify(exportedOutcome(outcome, options)));

export function createExporter(format: ExportFormat, options: ExportOptions = {}): Exporter {
  return exporters[format](options);
}

const exporters: Record<ExportFormat, (options: ExportOptions) => Exporter> = {
  lines: (options) => ({
    begin: () => '',
    row: (outcome) =>
      `${plainName(outcome.name)}, ${isUnsure(outcome, options) ? 'unsure: ' : ''}${summary(outcome, options.level)}\n`,
    end: () => '',
  }),
  ndjson: (options) => ({
    begin: () => '',
    row: (outcome) => `${jsonOf(outcome, options)}\n`,
    end: () => '',
  }),
  json: (options) => {
    // Only the next row shows whether this one needs a comma.
    let last: string | undefined;
    const flush = (lineEnd: string) => (last === undefined ? '' : `  ${last}${lineEnd}`);
    return {
      begin: () => '[\n',
      row: (outcome) => {
        const text = flush(',\n');
        last = jsonOf(outcome, options);
        return text;
      },
      end: () => `${flush('\n')}]\n`,
    };
  },
  csv: (options) => ({
    begin: () => csvRow(csvColumns(options)),
    row: (outcome) => csvRow(csvCells(outcome, options)),
    end: () => '',
  }),
};

/** An outcome in a word: its label, or its error code. '' if it has no category. */
export function summary(outcome: Outcome, level: Level = 'class'): string {
  return isError(outcome) ? `error: ${outcome.error.code}` : harmless(labelAt(outcome, level)?.label ?? '');
}

const CSV_COLUMNS = [
  'index',
  'name',
  'label',
  'wnid',
  'score',
  'model',
  'ms',
  'warning',
  'error_code',
  'error_message',
  // New columns go to the end, because programs may read columns by number.
  'decoded_share',
  'source',
  'category',
  'category_score',
];

/** The names of the cells of a row. */
export const csvColumns = ({ unsureBelow = 0 }: ExportOptions): string[] => [
  ...CSV_COLUMNS,
  ...(unsureBelow > 0 ? ['unsure'] : []),
];

/** One outcome for tables of programs. A cell without a value is ''. */
export const csvCells = (outcome: Outcome, options: ExportOptions): (string | number)[] => [
  ...outcomeCells(outcome),
  ...((options.unsureBelow ?? 0) > 0 ? [isUnsure(outcome, options) ? 'yes' : ''] : []),
];

function outcomeCells(outcome: Outcome): (string | number)[] {
  const { index, name } = outcome;
  if (isError(outcome))
    return [index, name, '', '', '', '', '', '', outcome.error.code, outcome.error.message, '', '', '', ''];
  const { label, wnid, score } = outcome.labels[0] ?? { label: '', wnid: '', score: '' };
  return [
    index,
    name,
    label,
    wnid,
    score,
    outcome.model,
    Math.round(outcome.ms * 10) / 10,
    outcome.warning ?? '',
    '',
    '',
    outcome.decodedShare ?? '',
    outcome.source ?? '',
    outcome.category?.name ?? '',
    outcome.category?.score ?? '',
  ];
}

const csvRow = (cells: readonly (string | number)[]) => `${cells.map(csvCell).join(',')}\r\n`;

/**
 * A spreadsheet takes text that begins like this for a formula, also in full width. Where a semicolon separates, a cell begins
 * behind each: a quote does not help there, as it is not at the beginning of the line's first cell.
 */
const FORMULA = /(^|;)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])/g;

/** RFC 4180. Control characters are escaped, for terminals. A formula gets an apostrophe in front, for spreadsheets. */
function csvCell(cell: string | number): string {
  if (typeof cell === 'number') return String(cell);
  const text = harmless(cell.replace(FORMULA, "$1'"));
  return /[",;]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
