import { type Command, Option } from 'commander';
import type { BenchFlags } from '../../bench/bench-flags.ts';
import { examples, wholeNumber } from '../../flags.ts';

export function register(program: Command): void {
  const command = program
    .command('bench')
    .description(
      'Measure this imgcls on this machine or on a cluster, compare it with the published figures of its predecessor, and check the results. ' +
        'Scenarios: medium-20-cold, medium-20-warm, the same with 30, 40, 60 and --count images, tiny-27-cold, tiny-27-warm, ' +
        'sustained, upload-only, boot.',
    )
    .addHelpText(
      'after',
      examples('imgcls bench --scenario tiny --repeat 3', 'imgcls bench --simulate --format markdown'),
    )
    .option('--count <n>', 'Number of images of an extra medium scenario and of upload-only', wholeNumber, 30)
    .option('--repeat <n>', 'Number of repetitions per scenario', wholeNumber, 5)
    .option('--boots <n>', 'Number of worker launches in the boot scenario', wholeNumber, 3)
    .option('--scenario <names...>', 'Scenarios to run, by name or part of a name: cold, tiny, medium-30')
    .option('--images <folder>', 'Folder of photographs (default: crops of the samples)')
    .addOption(
      new Option('--cloud <cloud>', 'Cloud to measure on (default: the one of the settings)').choices([
        'local',
        'aws',
      ]),
    )
    .option('--model <name>', 'Model to use (see "imgcls model list")')
    .option('--compare <file>', 'Older report (json) to compare with')
    .option('--yes', 'Do not ask for confirmation before spending money on AWS')
    .option(
      '--simulate [trace]',
      'Simulate scaling policies instead, on a trace by name or file, on random ones, or on recurring ones (default: all traces by name)',
    )
    .addOption(
      new Option(
        '--world <world>',
        'World of a simulation: exact and punctual, or with faults and late, inexact counts',
      )
        .choices(['ideal', 'unkind'])
        .default('ideal'),
    )
    .option(
      '--traces <n>',
      'Number of random traces to simulate and to summarize (default: one of each kind, and all runs)',
      wholeNumber,
    )
    .addOption(
      new Option(
        '--forecast <mode>',
        'Whether policy backlog expects work that recurs in a simulation; compare: one run with it and one without',
      )
        .choices(['on', 'off', 'compare'])
        .default('on'),
    )
    .option('--max <n>', 'Maximum number of machines in a simulation', wholeNumber, 1000)
    .option('--seed <n>', 'Random seed of crops and simulations', wholeNumber, 1)
    .addOption(
      new Option('-f, --format <format>', 'Output format; markdown for --simulate only')
        .choices(['table', 'json', 'html', 'markdown'])
        .default('table'),
    )
    .option('-o, --output <file>', 'File to write the results to (default: standard output)');
  command.action(async (flags: BenchFlags) => {
    const given = Object.keys(flags).filter((name) => command.getOptionValueSource(name) === 'cli');
    const { bench } = await import('../../bench/bench.ts');
    await bench({ ...program.opts(), ...flags }, given);
  });
}
