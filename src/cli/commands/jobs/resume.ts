import type { Command } from 'commander';
import { DEFAULTS } from '../../../core/settings/defaults.ts';
import { examples, usd, wholeNumber, withOutputFlags, withWaitFlags } from '../../flags.ts';
import type { ResumeFlags } from '../../jobs/resume.ts';

export function register(program: Command): void {
  const command = program
    .command('resume')
    .description(
      'Continue an interrupted upload, or a job that has reached its --max-cost: submit the missing images, wait for the job, and print all outcomes.',
    )
    .addHelpText('after', examples('imgcls resume JOB', 'imgcls resume JOB --max-cost 1'))
    .argument(
      '<job>',
      'Job id, as listed by "imgcls jobs". An upload of "-" reads its list from standard input again',
    )
    .option('--max-cost <usd>', 'New maximum cost of the workers for a job that has one', usd)
    .option(
      '--concurrency <n>',
      `Number of files read and stored at once (default: ${DEFAULTS.concurrency})`,
      wholeNumber,
    );
  withOutputFlags(withWaitFlags(command)).action(async (job: string, flags: ResumeFlags) => {
    const { resume } = await import('../../jobs/resume.ts');
    process.exitCode = await resume(job, { ...program.opts(), ...flags });
  });
}
