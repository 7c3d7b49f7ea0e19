import type { Command } from 'commander';
import { examples, withOutputFlags, withWaitFlags } from '../../flags.ts';
import type { RetryFlags } from '../../jobs/retry.ts';

export function register(program: Command): void {
  const command = program
    .command('retry')
    .description(
      'Retry the failed images of a finished job, wait, and print their new outcomes. Files are read again, so repaired files succeed.',
    )
    .addHelpText('after', examples('imgcls retry JOB'))
    .argument('<job>', 'Job id, as listed by "imgcls jobs"');
  withOutputFlags(withWaitFlags(command)).action(async (job: string, flags: RetryFlags) => {
    const { retryCommand: retry } = await import('../../jobs/retry.ts');
    process.exitCode = await retry(job, { ...program.opts(), ...flags });
  });
}
