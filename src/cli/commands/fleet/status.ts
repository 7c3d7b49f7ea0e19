import { type Command, Option } from 'commander';
import type { StatusFlags } from '../../fleet/status.ts';

export function register(program: Command): void {
  program
    .command('status')
    .description('Shows jobs, queues, workers, cost, and why the fleet is the size it is.')
    .option('--watch', 'show it again every 2 s, until Ctrl-C')
    .addOption(
      new Option('--format <format>', 'how it is written; json is one line each time with --watch')
        .choices(['table', 'json'])
        .default('table'),
    )
    .action(async (flags: StatusFlags) => {
      const { status } = await import('../../fleet/status.ts');
      process.exitCode = await status({ ...program.opts(), ...flags });
    });
}
