import type { Command } from 'commander';
import { DEFAULTS } from '../../../core/settings/defaults.ts';
import { wholeNumber, withOutputFlags, withWaitFlags } from '../../flags.ts';
import type { ResumeFlags } from '../../jobs/resume.ts';

export function register(program: Command): void {
  const command = program
    .command('resume')
    .description(
      'Goes on with a job whose upload was cut short: announces the images that are missing, waits, and prints all outcomes.',
    )
    .argument(
      '<job>',
      'job id, as "imgcls jobs" lists it; an upload of "-" reads its list from standard input again',
    )
    .option(
      '--concurrency <n>',
      `files read and stored at once (default: ${DEFAULTS.concurrency})`,
      wholeNumber,
    );
  withOutputFlags(withWaitFlags(command)).action(async (job: string, flags: ResumeFlags) => {
    const { resume } = await import('../../jobs/resume.ts');
    process.exitCode = await resume(job, { ...program.opts(), ...flags });
  });
}
