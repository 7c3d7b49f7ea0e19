import { type Command, Option } from 'commander';
import { seconds, wholeNumber } from '../../flags.ts';
import type { WorkerFlags } from '../../fleet/worker.ts';

export function register(program: Command): void {
  program
    .command('worker')
    .description(
      'Classifies what is in the request queue until it is told to stop. Logs JSON lines to stderr.',
    )
    .option('--once', 'end when the queue gives nothing more')
    .option('--idle-exit <seconds>', 'end after so long without work', seconds)
    .option('--runners <n>', 'model runners, each on a core of its own; else one a core', wholeNumber)
    .addOption(new Option('--id <id>', 'name of this worker').hideHelp())
    .addOption(new Option('--managed', 'end when no controller is left').hideHelp())
    .addOption(new Option('--power-off-file <file>', 'made when the machine is to be powered off').hideHelp())
    .action(async (flags: WorkerFlags) => {
      const { worker } = await import('../../fleet/worker.ts');
      await worker({ ...program.opts(), ...flags });
    });
}
