import { type Command, Option } from 'commander';
import { examples, positiveNumber, seconds } from '../../flags.ts';
import { STATE_WORDS } from '../../jobs/job-words.ts';
import type { JobsOptions } from '../../jobs/jobs.ts';

/** The words of the list, then those of a job's record. */
const STATE_CHOICES = [...STATE_WORDS, 'open', 'sealed', 'finished'];

export function register(program: Command): void {
  program
    .command('jobs')
    .description(
      'List jobs, newest first, with their state, images done, errors, age, rate, time left, cost, start and inputs.',
    )
    .addHelpText('after', examples('imgcls jobs --state running --format json'))
    .argument('[jobs...]', 'Job ids, or their first letters (default: all jobs)')
    .option('--limit <n>', 'Maximum number of jobs', positiveNumber, 50)
    .addOption(new Option('--state <state>', 'State of the jobs to list').choices(STATE_CHOICES))
    .option('--wait', 'Wait first until the jobs are finished or cancelled')
    .option('--timeout <seconds>', 'Maximum time to wait', seconds)
    .addOption(
      new Option('-f, --format <format>', 'Output format')
        .choices(['table', 'json', 'ndjson'])
        .default('table'),
    )
    .action(async (jobs: string[], flags: JobsOptions) => {
      const { listJobs } = await import('../../jobs/jobs.ts');
      process.exitCode = await listJobs(jobs, { ...program.opts(), ...flags });
    });
}
