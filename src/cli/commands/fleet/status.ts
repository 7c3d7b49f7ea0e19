import { type Command, Option } from 'commander';
import { examples } from '../../flags.ts';
import type { StatusFlags } from '../../fleet/status.ts';

export function register(program: Command): void {
  program
    .command('status')
    .description('Show jobs, queues, workers, cost, and the reason for the size of the fleet.')
    .addHelpText('after', examples('imgcls status --watch'))
    .option('--watch', 'Refresh every 2 s until Ctrl-C')
    .addOption(
      new Option('--cost', 'Show instead what the cluster has cost in this month so far').conflicts('watch'),
    )
    .addOption(
      new Option('-f, --format <format>', 'Output format; with --watch, json is one line per refresh')
        .choices(['table', 'json'])
        .default('table'),
    )
    .action(async (flags: StatusFlags) => {
      const { status } = await import('../../fleet/status.ts');
      process.exitCode = await status({ ...program.opts(), ...flags });
    });
}
