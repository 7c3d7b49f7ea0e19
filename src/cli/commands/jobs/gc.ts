import type { Command } from 'commander';
import { examples, wholeNumber } from '../../flags.ts';
import type { CollectOptions } from '../../jobs/gc.ts';

export function register(program: Command): void {
  program
    .command('gc')
    .description(
      'Delete expired jobs with their images, dead letters, orphaned response queues and, on one machine, images older than 30 days. ' +
        'On S3, a lifecycle rule of the input bucket deletes the images.',
    )
    .addHelpText('after', examples('imgcls gc --older-than 7 --dry-run'))
    .option('--older-than <days>', 'Minimum age of jobs and dead letters', wholeNumber, 30)
    .option('--dry-run', 'Print what would be deleted, and delete nothing')
    .action(async (flags: CollectOptions) => {
      const { collectGarbage } = await import('../../jobs/gc.ts');
      process.exitCode = await collectGarbage({ ...program.opts(), ...flags });
    });
}
