import { type Command, Option } from 'commander';
import { examples, seconds, wholeNumber } from '../../flags.ts';
import type { WorkerFlags } from '../../fleet/worker.ts';

export function register(program: Command): void {
  program
    .command('worker')
    .description('Classify images from the request queue until stopped. Logs JSON lines to stderr.')
    .addHelpText('after', examples('imgcls worker --idle-exit 60'))
    .option('--once', 'Exit when the queue is empty')
    .option('--idle-exit <seconds>', 'Exit after this time without work', seconds)
    .option('--runners <n>', 'Number of model runners (default: one per core)', wholeNumber)
    .addOption(new Option('--id <id>', 'Name of this worker').hideHelp())
    .addOption(new Option('--managed', 'End when no controller is left').hideHelp())
    .addOption(
      new Option('--power-off-file <file>', 'File to create when the machine should power off').hideHelp(),
    )
    .action(async (flags: WorkerFlags) => {
      const { worker } = await import('../../fleet/worker.ts');
      process.exitCode = await worker({ ...program.opts(), ...flags });
    });
}
