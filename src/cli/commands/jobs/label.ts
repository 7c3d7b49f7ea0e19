import { type Command, Option } from 'commander';
import { DEFAULTS } from '../../../core/settings/defaults.ts';
import {
  collect,
  examples,
  formerName,
  usd,
  wholeNumber,
  withOutputFlags,
  withWaitFlags,
} from '../../flags.ts';
import type { LabelOptions } from '../../jobs/label.ts';
import { parseDeadline } from '../../jobs/limits.ts';

export function register(program: Command): void {
  const command = program
    .command('label')
    .description(
      'Label images: submit them, wait for their outcomes, and print one label per image in input order.',
    )
    .addHelpText(
      'after',
      examples(
        'imgcls label photos/ -o labels.csv',
        'imgcls label *.jpg --min-score 0.5',
        'imgcls label photos/ --model clip --labels "invoice, receipt, whiteboard, cat"',
        'imgcls label photos/ --by 09:00 --max-cost 0.50 --dry-run',
        'imgcls label https://example.org/photo.jpg',
        'find . -name "*.jpg" -print0 | imgcls label -',
      ),
    )
    .argument(
      '<inputs...>',
      'Files, folders, globs, s3://bucket/prefix, the s3://.../manifest.json of an S3 Inventory, web addresses, or - for a list of paths and addresses on standard input, one a line or separated by NUL',
    )
    .option(
      '-k, --top-k <n>',
      `Number of labels per image in json and ndjson (default: ${DEFAULTS.topK})`,
      wholeNumber,
    )
    .option('--model <name>', 'Model to use (see "imgcls model list")')
    .addOption(new Option('--model-variant <variant>', 'Weights to use').choices(['auto', 'fp32', 'int8']))
    .option(
      '--labels <list>',
      'Labels to choose from, separated by commas, for a model without labels of its own (CLIP, SigLIP)',
    )
    .option('--labels-file <file>', 'File with such labels, one a line')
    .option('--fresh', 'Classify all images, also those that an earlier job has labelled (on one machine)')
    .option(
      '--by <time>',
      'Launch the cheapest fleet that finishes the job by then: 09:00, 2026-06-30T09:00, or in 2h or 90m',
      (text: string) => parseDeadline(text, new Date()),
    )
    .option(
      '--max-cost <usd>',
      'Maximum cost of the workers for the job; past it, its remaining images wait',
      usd,
    )
    .option('--dry-run', 'Print an estimate of time and cost, and label nothing')
    .addOption(formerName('--quote'))
    .option(
      '--include <glob>',
      'Names of the files to take (default: by the endings of images); repeatable',
      collect,
    )
    .option('--exclude <glob>', 'Names of the files to skip; repeatable', collect)
    .option(
      '--concurrency <n>',
      `Number of files read and stored at once (default: ${DEFAULTS.concurrency})`,
      wholeNumber,
    )
    .option(
      '--copy',
      'On one machine, store a copy of each file, so that it may be moved before the job ends',
    );
  withOutputFlags(withWaitFlags(command)).action(async (inputs: string[], flags: LabelOptions) => {
    const { label } = await import('../../jobs/label.ts');
    process.exitCode = await label(inputs, { ...program.opts(), ...flags });
  });
}
