import { type Command, Option } from 'commander';
import type { BenchFlags } from '../bench.ts';
import { wholeNumber } from '../flags.ts';

export function register(program: Command): void {
  program
    .command('bench')
    .description('Simulates how scaling policies would do, against each other and against what is possible.')
    .option('--simulate [trace]', 'a trace by name, or a file of lines "seconds,images"; else all by name')
    .option('--seed <n>', 'of what is left to chance: the same seed gives the same figures', wholeNumber, 1)
    .option('--max <n>', 'most machines', wholeNumber, 1000)
    .addOption(
      new Option('--format <format>', 'how results are written')
        .choices(['table', 'json', 'markdown'])
        .default('table'),
    )
    .action(async (flags: BenchFlags) => {
      const { bench } = await import('../bench.ts');
      await bench(flags, (text) => process.stdout.write(text));
    });
}
