import type { Command } from 'commander';
import { examples } from '../../flags.ts';
import type { RemoveOptions } from '../../jobs/rm.ts';

export function register(program: Command): void {
  program
    .command('rm')
    .description(
      'Delete jobs: results, names, messages and, on one machine, the images that no other job uses. ' +
        'On S3, a lifecycle rule deletes images after some days ("imgcls deploy --keep-inputs").',
    )
    .addHelpText('after', examples('imgcls rm JOB --force'))
    .argument('<jobs...>', 'Job ids, as listed by "imgcls jobs"')
    .option('--dry-run', 'Print what would be deleted, and delete nothing')
    .option('--force', 'Also delete unfinished jobs, after cancelling them')
    .action(async (jobs: string[], flags: RemoveOptions) => {
      const { removeJobs: remove } = await import('../../jobs/rm.ts');
      process.exitCode = await remove(jobs, { ...program.opts(), ...flags });
    });
}
