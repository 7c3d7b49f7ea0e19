import { type Command, Option } from 'commander';
import { levels } from '../../../core/model/level.ts';
import { collect, examples, seconds, share } from '../../flags.ts';
import type { WatchFlags } from '../../photos/watch.ts';

export function register(program: Command): void {
  program
    .command('watch')
    .description(
      'Label the photographs in a folder, and then each new one when it is complete, until Ctrl-C. ' +
        'Started again, it goes on where it was. Prints one label per photograph.',
    )
    .addHelpText(
      'after',
      examples(
        'imgcls watch photos/ --tag',
        'imgcls watch incoming/ --sort sorted/ --move',
        'imgcls watch photos/ --exec ./notify.sh',
      ),
    )
    .argument('<folder>', 'Folder to watch, with its subfolders')
    .option('--tag', 'Write the labels into XMP sidecars, as "imgcls tag" does')
    .option('--sort <folder>', 'Link photographs into folders of their labels there, as "imgcls sort" does')
    .addOption(new Option('--copy', 'With --sort: copy them').conflicts('move'))
    .option('--move', 'With --sort: move them')
    .addOption(
      new Option('--level <level>', 'With --sort, folders: classes ("Egyptian cat") or categories ("cat")')
        .choices(levels)
        .default('class'),
    )
    .option('--min-score <share>', 'With --tag and --sort: leave out labels with a lower score', share, 0.5)
    .option(
      '--exec <program>',
      'Run a program for each photograph: its path is the argument, and the labels are JSON on standard input',
    )
    .option(
      '--settle <seconds>',
      'Time without a change after which a file is complete (default: 5)',
      seconds,
    )
    .addOption(
      new Option('-f, --format <format>', 'Format of the results')
        .choices(['lines', 'ndjson'])
        .default('lines'),
    )
    .option('--model <name>', 'Model to use (see "imgcls model list")')
    .option(
      '--include <glob>',
      'Names of the files to take (default: by the endings of images); repeatable',
      collect,
    )
    .option('--exclude <glob>', 'Names of the files to skip; repeatable', collect)
    .action(async (folder: string, flags: WatchFlags) => {
      const { watch } = await import('../../photos/watch.ts');
      process.exitCode = await watch(folder, { ...program.opts(), ...flags });
    });
}
