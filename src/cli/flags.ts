import { type Command, InvalidArgumentError, Option } from 'commander';
import { formatEndings, outputFormats } from './terminal/output-formats.ts';

/** A flag that takes a whole number. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number, 0 or more.');
  return Number(text);
}

/** A flag that takes seconds, answered in milliseconds. */
export function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0) || value > 30 * 24 * 3600) {
    throw new InvalidArgumentError('It must be a number of seconds.');
  }
  return value * 1000;
}

/** A flag that may be given more than once. */
export const collect = (value: string, values: string[] = []): string[] => [...values, value];

/** Of commands that announce images: whether to wait for them, and how long. */
export function withWaitFlags(command: Command): Command {
  return command
    .option('--wait', 'wait for the outcomes', true)
    .option(
      '--no-wait',
      'print the job id and leave; on one machine nothing works on the job until "imgcls results JOB --wait", scale or up runs',
    )
    .option('--timeout <seconds>', 'stop waiting after so long', seconds);
}

const endings = formatEndings.map((ending) => `.${ending}`).join(', ');

/** `--format` and `--output`, which every command with results has. */
export function withOutputFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--format <format>',
        `how results are written; else by the ending of --output (${endings}), table on a terminal, lines elsewhere`,
      ).choices(outputFormats),
    )
    .option('--output <file>', 'write results to a file instead of standard output');
}
