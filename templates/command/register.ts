/** `imgcls tally`: its name, flags and help. Copy it to src/cli/commands/GROUP/tally.ts. */
import type { Command } from 'commander';
import { examples, positiveNumber } from '../../src/cli/flags.ts';
import type { TallyOptions } from './tally.ts';

export function register(program: Command): void {
  program
    .command('tally')
    .description('Count the labels of a job, the most frequent first.')
    .addHelpText('after', examples('imgcls tally JOB', 'imgcls tally JOB --top 10'))
    .argument('<job>', 'Job id or its first letters')
    .option('--top <n>', 'Number of labels to print (default: all)', positiveNumber)
    .action(async (job: string, flags: TallyOptions) => {
      const { tally } = await import('./tally.ts');
      process.exitCode = await tally(job, { ...program.opts(), ...flags });
    });
}
