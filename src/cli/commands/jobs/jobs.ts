import { type Command, Option } from 'commander';
import { jobState } from '../../../core/job/job.ts';
import { examples, seconds, wholeNumber } from '../../flags.ts';
import type { JobsOptions } from '../../jobs/jobs.ts';

export function register(program: Command): void {
  program
    .command('jobs')
    .description(
      'List jobs, newest first, with their state, images done, errors, age, rate, time left and cost.',
    )
    .addHelpText('after', examples('imgcls jobs --state finished --format json'))
    .argument('[jobs...]', 'Job ids (default: all jobs)')
    .option('--limit <n>', 'Maximum number of jobs', wholeNumber, 50)
    .addOption(new Option('--state <state>', 'State of the jobs to list').choices(jobState.options))
    .option('--wait', 'Wait first until the jobs are finished or cancelled')
    .option('--timeout <seconds>', 'Maximum time to wait', seconds)
    .addOption(
      new Option('--format <format>', 'Output format').choices(['table', 'json', 'ndjson']).default('table'),
    )
    .action(async (jobs: string[], flags: JobsOptions) => {
      const { listJobs } = await import('../../jobs/jobs.ts');
      process.exitCode = await listJobs(jobs, { ...program.opts(), ...flags });
    });
}
