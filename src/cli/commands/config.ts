import { type Command, Option } from 'commander';

export function register(program: Command): void {
  program
    .command('config')
    .description('Prints every setting, its value and where it comes from.')
    .addOption(
      new Option('--format <format>', 'how it is written').choices(['table', 'json']).default('table'),
    )
    .action(async (flags: { format: 'table' | 'json' }) => {
      const { config } = await import('../config.ts');
      process.stdout.write(config({ ...program.opts(), ...flags }));
    });
}
