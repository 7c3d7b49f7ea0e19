import { type Command, InvalidArgumentError, Option } from 'commander';
import { levels } from '../core/model/level.ts';
import { formatsByEnding, outputFormats } from './output/output-formats.ts';

/** Parses the value of a flag that takes a whole number. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number, 0 or more.');
  return Number(text);
}

/** Parses the value of a flag that takes US dollars. */
export function usd(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0 && Number.isFinite(value)))
    throw new InvalidArgumentError('It must be a number of US dollars, more than 0.');
  return value;
}

export function positiveNumber(text: string): number {
  if (!/^0*[1-9]\d{0,14}$/.test(text))
    throw new InvalidArgumentError('It must be a whole number, 1 or more.');
  return Number(text);
}

/** Parses the value of a flag that takes seconds. @returns milliseconds. */
export function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0) || value > 30 * 24 * 3600) {
    throw new InvalidArgumentError('It must be a number of seconds, at most 30 days.');
  }
  return value * 1000;
}

/** Parses the value of a flag that takes a share. */
export function share(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError('It must be a number from 0 to 1.');
  return value;
}

/** Parses the value of a flag that takes a day, which begins at midnight here, or a time. @returns milliseconds since 1970. */
export function date(text: string): number {
  const atMs = /^\d{4}-\d{2}-\d{2}/.test(text)
    ? Date.parse(text.length > 10 ? text : `${text}T00:00`)
    : Number.NaN;
  if (Number.isNaN(atMs)) throw new InvalidArgumentError('It must be a date, such as 2026-11-30.');
  return atMs;
}

/** Collects the values of a flag that may be repeated. */
export const collect = (value: string, values: string[] = []): string[] => [...values, value];

/** `--wait`, `--no-wait` and `--timeout` of commands that submit images. */
export function withWaitFlags(command: Command): Command {
  return command
    .option('--wait', 'Wait for the outcomes', true)
    .option(
      '--no-wait',
      'Print the job id and exit; on one machine, a job makes progress while "imgcls results JOB --wait", "imgcls scale" or "imgcls up" runs',
    )
    .option('--timeout <seconds>', 'Maximum time to wait', seconds);
}

/** Command lines at the end of a command's help. */
export const examples = (...lines: string[]): string =>
  [`\n${lines.length === 1 ? 'Example' : 'Examples'}:`, ...lines.map((line) => `  ${line}`)].join('\n');

const endings = Object.keys(formatsByEnding).join(', ');

/** The older name of `--dry-run`, which scripts may use. */
export const formerName = (flags: string): Option => new Option(flags, 'Older name of --dry-run').hideHelp();

/** The flags of commands that print results. */
export function withOutputFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        '-f, --format <format>',
        `Format of the results (default: by the ending of --output (${endings}), else a table on a terminal, of more than 500 images a summary, and lines elsewhere)`,
      ).choices(outputFormats),
    )
    .option('-o, --output <file>', 'File to write the results to (default: standard output)')
    .addOption(
      new Option(
        '--level <level>',
        'Labels to print: classes ("Egyptian cat") or categories ("cat") (default: class)',
      ).choices(levels),
    )
    .option('--min-score <share>', 'Score below which a label is marked as unsure (default: 0)', share)
    .option(
      '--strict',
      'Print an error (truncated) for each damaged image, not the label of the part that could be decoded',
    );
}
