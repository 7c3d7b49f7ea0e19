import type { Command } from 'commander';
import { examples, seconds, withOutputFlags } from '../../flags.ts';
import type { ResultsOptions } from '../../jobs/results.ts';

export function register(program: Command): void {
  const command = program
    .command('results')
    .description('Print the outcomes that a job has so far: by default, those of the newest job.')
    .addHelpText(
      'after',
      examples(
        'imgcls results',
        'imgcls results 01M8NW --errors',
        'imgcls results 01M8NW --wait -o labels.csv',
      ),
    )
    .argument(
      '[job]',
      'Job id or its first letters (default: the newest job), or drop-YYYY-MM-DD for the images dropped on that day',
    )
    .option('--errors', 'Print only the images that have an error, with the reasons')
    .option('--wait', 'Wait until the job is finished')
    .option('--timeout <seconds>', 'Maximum time to wait', seconds);
  withOutputFlags(command).action(async (job: string | undefined, flags: ResultsOptions) => {
    const { results } = await import('../../jobs/results.ts');
    process.exitCode = await results(job, { ...program.opts(), ...flags });
  });
}
