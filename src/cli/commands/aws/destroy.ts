import type { Command } from 'commander';
import type { DestroyFlags } from '../../aws/destroy.ts';

export function register(program: Command): void {
  program
    .command('destroy')
    .description(
      'Takes a cluster that was deployed away again: its machines, everything in its buckets, its stack, its settings. Names what there is and ' +
        'asks first; says afterwards what is left, and how to remove that.',
    )
    .option('--region <region>', "where; else AWS's own setting")
    .option('--settings <file>', "config file to clear; else imgcls.config.json of the user's config folder")
    .option('--yes', 'do not ask')
    .action(async (flags: DestroyFlags) => {
      const { destroy } = await import('../../aws/destroy.ts');
      process.exitCode = await destroy({ ...program.opts(), ...flags });
    });
}
