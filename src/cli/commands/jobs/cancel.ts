import type { Command } from 'commander';
import { examples } from '../../flags.ts';
import type { CancelOptions } from '../../jobs/cancel.ts';

export function register(program: Command): void {
  program
    .command('cancel')
    .description('Cancel jobs for good. Outcomes so far stay; images without an outcome are not classified.')
    .addHelpText('after', examples('imgcls cancel JOB'))
    .argument('<jobs...>', 'Job ids, as listed by "imgcls jobs"')
    .option('--wait', 'Wait until workers have finished the batches that they had begun')
    .action(async (jobs: string[], flags: CancelOptions) => {
      const { cancel } = await import('../../jobs/cancel.ts');
      process.exitCode = await cancel(jobs, { ...program.opts(), ...flags });
    });
}
