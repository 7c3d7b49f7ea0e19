import type { Command } from 'commander';
import { withOutputFlags, withWaitFlags } from '../../flags.ts';
import type { RetryFlags } from '../../jobs/retry.ts';

export function register(program: Command): void {
  const command = program
    .command('retry')
    .description(
      'Tries the images of a finished job again that have an error, waits, and prints their outcomes. Files are read again, so that mended ones count.',
    )
    .argument('<job>', 'job id, as "imgcls jobs" lists it');
  withOutputFlags(withWaitFlags(command)).action(async (job: string, flags: RetryFlags) => {
    const { retryCommand: retry } = await import('../../jobs/retry.ts');
    process.exitCode = await retry(job, { ...program.opts(), ...flags });
  });
}
