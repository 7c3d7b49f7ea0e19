import { type Command, InvalidArgumentError, Option } from 'commander';
import { formatEndings, outputFormats } from './terminal/output-formats.ts';

/** Parses the value of a flag that takes a whole number. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number, 0 or more.');
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

/** Collects the values of a flag that may be repeated. */
export const collect = (value: string, values: string[] = []): string[] => [...values, value];

/** `--wait`, `--no-wait` and `--timeout` of commands that submit images. */
export function withWaitFlags(command: Command): Command {
  return command
    .option('--wait', 'Wait for the outcomes', true)
    .option(
      '--no-wait',
      'Print the job id and exit; on one machine, the job is worked on while "imgcls results JOB --wait", "imgcls scale" or "imgcls up" runs',
    )
    .option('--timeout <seconds>', 'Maximum time to wait', seconds);
}

/** Command lines at the end of a command's help. */
export const examples = (...lines: string[]): string =>
  [`\n${lines.length === 1 ? 'Example' : 'Examples'}:`, ...lines.map((line) => `  ${line}`)].join('\n');

const endings = formatEndings.map((ending) => `.${ending}`).join(', ');

/** `--format`, `--output` and `--strict` of commands that print results. */
export function withOutputFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--format <format>',
        `Format of the results (default: by the ending of --output (${endings}), else table on a terminal and lines elsewhere)`,
      ).choices(outputFormats),
    )
    .option('--output <file>', 'File to write the results to (default: standard output)')
    .option(
      '--strict',
      'Print an error (truncated) for each damaged image, not the label of the part that could be decoded',
    );
}
