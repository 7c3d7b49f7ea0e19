import type { Command } from 'commander';
import { examples } from '../../flags.ts';
import type { ServeFlags } from '../../service/serve.ts';
import { withServeFlags } from './serve.ts';

export function register(program: Command): void {
  withServeFlags(program.command('up'))
    .description('Run everything on one machine: controller, workers as needed, web page and REST API.')
    .addHelpText('after', examples('imgcls up --open'))
    .option('--min <n>', 'Minimum number of workers, even without work')
    .option('--max <n>', 'Maximum number of workers (default: one per core)')
    .action(async (flags: ServeFlags) => {
      const { up } = await import('../../service/up.ts');
      await up({ ...program.opts(), ...flags });
    });
}
