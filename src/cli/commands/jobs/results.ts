import type { Command } from 'commander';
import { examples, seconds, withOutputFlags } from '../../flags.ts';
import type { ResultsOptions } from '../../jobs/results.ts';

export function register(program: Command): void {
  const command = program
    .command('results')
    .description('Print the outcomes that a job has so far.')
    .addHelpText('after', examples('imgcls results JOB --wait --output labels.csv'))
    .argument(
      '<job>',
      'Job id, as printed by "imgcls upload", or drop-YYYY-MM-DD for the images dropped on that day',
    )
    .option('--wait', 'Wait until the job is finished')
    .option('--timeout <seconds>', 'Maximum time to wait', seconds);
  withOutputFlags(command).action(async (job: string, flags: ResultsOptions) => {
    const { results } = await import('../../jobs/results.ts');
    process.exitCode = await results(job, { ...program.opts(), ...flags });
  });
}
