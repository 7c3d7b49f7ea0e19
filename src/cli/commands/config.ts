import { type Command, Option } from 'commander';
import { examples } from '../flags.ts';

export function register(program: Command): void {
  program
    .command('config')
    .description('Print all settings, their values and where each value comes from.')
    .addHelpText('after', examples('imgcls config --format json'))
    .addOption(
      new Option('-f, --format <format>', 'Output format').choices(['table', 'json']).default('table'),
    )
    .action(async (flags: { format: 'table' | 'json' }) => {
      const { config } = await import('../config.ts');
      process.stdout.write(config({ ...program.opts(), ...flags }));
    });
}
