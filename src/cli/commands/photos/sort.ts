import { type Command, Option } from 'commander';
import { levels } from '../../../core/model/level.ts';
import { examples, share } from '../../flags.ts';
import type { SortOptions } from '../../photos/sort.ts';

export function register(program: Command): void {
  program
    .command('sort')
    .description(
      'Put photographs into folders named by their labels. No file is replaced; sidecars go with their photographs.',
    )
    .addHelpText(
      'after',
      examples(
        'imgcls sort photos/ --into sorted/ --dry-run',
        'imgcls sort 01M8NW --into sorted/ --copy',
        'imgcls sort --undo sorted/',
      ),
    )
    .argument(
      '[job-or-files...]',
      'Job id or its first letters, or files and folders, which are labelled first (default: the newest job)',
    )
    .option('--into <folder>', 'Folder of the folders')
    .option('--link', 'Make symbolic links, or hard ones where the system has no others (default)')
    .addOption(new Option('--copy', 'Copy the photographs').conflicts('link'))
    .addOption(new Option('--move', 'Move the photographs').conflicts(['link', 'copy']))
    .addOption(
      new Option('--level <level>', 'Folders: classes ("Egyptian cat") or categories ("cat")')
        .choices(levels)
        .default('class'),
    )
    .option('--min-score <share>', 'Leave photographs with a lower score where they are', share, 0.5)
    .option('--dry-run', 'Print the changes, and change nothing')
    .option('--undo', 'Undo what "imgcls sort" did for a job, or from or into a folder')
    .action(async (words: string[], flags: SortOptions) => {
      const { sort } = await import('../../photos/sort.ts');
      process.exitCode = await sort(words, { ...program.opts(), ...flags });
    });
}
