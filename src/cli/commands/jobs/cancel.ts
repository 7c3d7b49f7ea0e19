import type { Command } from 'commander';
import type { CancelOptions } from '../../jobs/cancel.ts';

export function register(program: Command): void {
  program
    .command('cancel')
    .description('Gives jobs up for good: what is not classified yet is not begun. What is done stays.')
    .argument('<jobs...>', 'job ids, as "imgcls jobs" lists them')
    .option('--wait', 'wait until nothing more comes of what was begun')
    .action(async (jobs: string[], flags: CancelOptions) => {
      const { cancel } = await import('../../jobs/cancel.ts');
      process.exitCode = await cancel(jobs, { ...program.opts(), ...flags });
    });
}
