import { type Command, Option } from 'commander';
import { jobState } from '../../../core/job/job.ts';
import { seconds, wholeNumber } from '../../flags.ts';
import type { JobsOptions } from '../../jobs/jobs.ts';

export function register(program: Command): void {
  program
    .command('jobs')
    .description('Lists jobs, newest first: state, images done, errors, age, rate, time left, cost.')
    .argument('[jobs...]', 'job ids; else all')
    .option('--limit <n>', 'most jobs listed', wholeNumber, 50)
    .addOption(new Option('--state <state>', 'only jobs in this state').choices(jobState.options))
    .option('--wait', 'wait first until they are finished or cancelled')
    .option('--timeout <seconds>', 'stop waiting after so long', seconds)
    .addOption(
      new Option('--format <format>', 'how jobs are listed')
        .choices(['table', 'json', 'ndjson'])
        .default('table'),
    )
    .action(async (jobs: string[], flags: JobsOptions) => {
      const { listJobs } = await import('../../jobs/jobs.ts');
      process.exitCode = await listJobs(jobs, { ...program.opts(), ...flags });
    });
}
