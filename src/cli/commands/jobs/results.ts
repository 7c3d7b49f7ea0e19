import type { Command } from 'commander';
import { seconds, withOutputFlags } from '../../flags.ts';
import type { ResultsOptions } from '../../jobs/results.ts';

export function register(program: Command): void {
  const command = program
    .command('results')
    .description('Prints the outcomes of a job, finished or running, from the ledger.')
    .argument(
      '<job>',
      'job id, as "imgcls upload" prints it, or drop-YYYY-MM-DD (images dropped on that day)',
    )
    .option('--wait', 'wait until the job is finished')
    .option('--timeout <seconds>', 'stop waiting after so long', seconds);
  withOutputFlags(command).action(async (job: string, flags: ResultsOptions) => {
    const { results } = await import('../../jobs/results.ts');
    process.exitCode = await results(job, { ...program.opts(), ...flags });
  });
}
