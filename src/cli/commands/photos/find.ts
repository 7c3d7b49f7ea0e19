import { type Command, Option } from 'commander';
import type { FindOptions } from '../../find/find.ts';
import { date, examples, positiveNumber, share } from '../../flags.ts';

export function register(program: Command): void {
  program
    .command('find')
    .description(
      'Find photographs over all jobs by words of their labels and categories (dog finds all breeds), in any case, singular or plural; several words must be in the same label. ' +
        'The newest prediction of each file counts: its best label, and each other one with a score of 20 % or more. ' +
        'Those with the highest scores come first. Files that are gone are left out.',
    )
    .addHelpText(
      'after',
      examples(
        'imgcls find dog --min-score 0.5',
        'imgcls find golden retriever --since 2026-11-01',
        'imgcls find espresso -0 | xargs -0 cp -t coffee/',
        'imgcls find --duplicates',
      ),
    )
    .argument('[words...]', 'Words of a label')
    .option('--min-score <share>', 'Leave out labels with a lower score', share, 0)
    .option('--since <date>', 'Only jobs submitted on this day or later', date)
    .option('--before <date>', 'Only jobs submitted before this day', date)
    .option('--job <job>', 'Only this job')
    .option(
      '--limit <n>',
      'Maximum number of photographs (default: 100 on a terminal, else all)',
      positiveNumber,
    )
    .option('-0, --null', 'Print paths only, separated by NUL')
    .addOption(
      new Option('-f, --format <format>', 'Output format')
        .choices(['table', 'json', 'ndjson'])
        .default('table'),
    )
    .option('--duplicates', 'Print the files that have the same content (sha256), and nothing else')
    .option('--rebuild', 'Make the index of labels again; it is otherwise kept up to date')
    .action(async (words: string[], flags: FindOptions) => {
      const { find } = await import('../../find/find.ts');
      process.exitCode = await find(words, { ...program.opts(), ...flags });
    });
}
