import { type Command, Option } from 'commander';
import { DEFAULTS } from '../../../core/settings/defaults.ts';
import { collect, wholeNumber, withOutputFlags, withWaitFlags } from '../../flags.ts';
import type { UploadOptions } from '../../jobs/upload.ts';

export function register(program: Command): void {
  const command = program
    .command('upload')
    .description(
      'Labels images: stores and announces them, waits, and prints a label for each in input order.',
    )
    .argument('<inputs...>', 'files, folders, globs, s3://bucket/prefix, or - for a list on standard input')
    .option(
      '--top-k <n>',
      `classes listed for an image in json and ndjson (default: ${DEFAULTS.topK})`,
      wholeNumber,
    )
    .option('--model <name>', 'model that classifies ("imgcls model list")')
    .addOption(new Option('--model-variant <variant>', 'weights to use').choices(['auto', 'fp32', 'int8']))
    .option('--quote', 'say what the job would take and cost, and do nothing')
    .option('--include <glob>', "take files of a folder by name instead of by an image's ending", collect)
    .option('--exclude <glob>', 'leave out files of a folder', collect)
    .option(
      '--concurrency <n>',
      `files read and stored at once (default: ${DEFAULTS.concurrency})`,
      wholeNumber,
    );
  withOutputFlags(withWaitFlags(command)).action(async (inputs: string[], flags: UploadOptions) => {
    const { upload } = await import('../../jobs/upload.ts');
    process.exitCode = await upload(inputs, { ...program.opts(), ...flags });
  });
}
