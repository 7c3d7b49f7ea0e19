import { type Command, Option } from 'commander';
import type { BenchFlags } from '../../bench/bench-flags.ts';
import { wholeNumber } from '../../flags.ts';

export function register(program: Command): void {
  const command = program
    .command('bench')
    .description(
      'Measures this imgcls on this machine or on a cluster, beside the published figures of its predecessor, and checks the results. ' +
        'Scenarios: medium-20-cold, medium-20-warm, the same with 30, 40, 60 and --count images, tiny-27-cold, tiny-27-warm, ' +
        'sustained, upload-only, boot.',
    )
    .option('--count <n>', 'images of one more size, and of upload-only', wholeNumber, 30)
    .option('--repeat <n>', 'repetitions of each scenario', wholeNumber, 5)
    .option('--boots <n>', 'launches of a worker', wholeNumber, 3)
    .option('--scenario <names...>', 'only these; part of a name is enough: cold, tiny, medium-30')
    .option('--images <folder>', 'photographs of yours; else crops of the samples')
    .addOption(new Option('--cloud <cloud>', 'where; else as in the settings').choices(['local', 'aws']))
    .option('--model <name>', 'model that classifies ("imgcls model list")')
    .option('--compare <file>', 'an older report (json): what changed, and whether beyond the noise')
    .option('--yes', 'on AWS, do not ask before money is spent')
    .option('--simulate [trace]', 'simulates scaling policies instead: a trace by name, or a file; else all')
    .option('--max <n>', 'most machines of a simulation', wholeNumber, 1000)
    .option('--seed <n>', 'of what is left to chance: crops, or a simulation', wholeNumber, 1)
    .addOption(
      new Option('--format <format>', 'how results are written; markdown for --simulate alone')
        .choices(['table', 'json', 'html', 'markdown'])
        .default('table'),
    )
    .option('--output <file>', 'write results to a file instead of standard output');
  command.action(async (flags: BenchFlags) => {
    const given = Object.keys(flags).filter((name) => command.getOptionValueSource(name) === 'cli');
    const { bench } = await import('../../bench/bench.ts');
    await bench({ ...program.opts(), ...flags }, given);
  });
}
