import type { Command } from 'commander';
import type { RemoveOptions } from '../../jobs/rm.ts';

export function register(program: Command): void {
  program
    .command('rm')
    .description('Deletes jobs with their results. Image bytes, which jobs share, leave by their age.')
    .argument('<jobs...>', 'job ids, as "imgcls jobs" lists them')
    .option('--force', 'also those that are not finished: cancels them first')
    .action(async (jobs: string[], flags: RemoveOptions) => {
      const { removeJobs: remove } = await import('../../jobs/rm.ts');
      process.exitCode = await remove(jobs, { ...program.opts(), ...flags });
    });
}
