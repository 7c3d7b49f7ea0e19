import type { Command } from 'commander';
import { wholeNumber } from '../../flags.ts';
import type { CollectOptions } from '../../jobs/gc.ts';

export function register(program: Command): void {
  program
    .command('gc')
    .description(
      'Deletes what nobody needs any more: jobs that are over since long, dead letters of that age, response queues without a waiter, ' +
        'and on one machine image bytes of 30 days (on S3 a lifecycle rule of the input bucket does that).',
    )
    .option('--older-than <days>', 'age of jobs and dead letters', wholeNumber, 30)
    .option('--dry-run', 'say what would be deleted, and delete nothing')
    .action(async (flags: CollectOptions) => {
      const { collectGarbage } = await import('../../jobs/gc.ts');
      process.exitCode = await collectGarbage({ ...program.opts(), ...flags });
    });
}
