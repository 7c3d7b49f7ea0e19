import type { Command } from 'commander';
import type { ServeFlags } from '../../service/serve.ts';
import { withServeFlags } from './serve.ts';

export function register(program: Command): void {
  withServeFlags(program.command('up'))
    .description(
      'Everything on one machine: data folder, controller, workers as needed, page and REST service.',
    )
    .option('--min <n>', 'workers kept also without work')
    .option('--max <n>', 'most workers; else one a core')
    .action(async (flags: ServeFlags) => {
      const { up } = await import('../../service/up.ts');
      await up({ ...program.opts(), ...flags });
    });
}
