import { type Command, Option } from 'commander';
import { DEFAULTS } from '../../../core/settings/defaults.ts';
import { collect, examples, wholeNumber, withOutputFlags, withWaitFlags } from '../../flags.ts';
import type { UploadOptions } from '../../jobs/upload.ts';

export function register(program: Command): void {
  const command = program
    .command('upload')
    .description(
      'Label images: store them, wait for their outcomes, and print one label per image in input order.',
    )
    .addHelpText(
      'after',
      examples('imgcls upload photos/ --output labels.csv', 'find . -name "*.jpg" | imgcls upload -'),
    )
    .argument(
      '<inputs...>',
      'Files, folders, globs, s3://bucket/prefix, or - for a list of paths on standard input',
    )
    .option(
      '--top-k <n>',
      `Number of labels per image in json and ndjson (default: ${DEFAULTS.topK})`,
      wholeNumber,
    )
    .option('--model <name>', 'Model to use (see "imgcls model list")')
    .addOption(new Option('--model-variant <variant>', 'Weights to use').choices(['auto', 'fp32', 'int8']))
    .option('--quote', 'Print an estimate of time and cost, and do nothing')
    .option(
      '--include <glob>',
      'Names of the files to take from folders (default: by the endings of images); repeatable',
      collect,
    )
    .option('--exclude <glob>', 'Names of the files to skip in folders; repeatable', collect)
    .option(
      '--concurrency <n>',
      `Number of files read and stored at once (default: ${DEFAULTS.concurrency})`,
      wholeNumber,
    );
  withOutputFlags(withWaitFlags(command)).action(async (inputs: string[], flags: UploadOptions) => {
    const { upload } = await import('../../jobs/upload.ts');
    process.exitCode = await upload(inputs, { ...program.opts(), ...flags });
  });
}
