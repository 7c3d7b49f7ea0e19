import { type Command, Option } from 'commander';
import { SIDECAR_NAMES } from '../../../photos/tag/sidecar-path.ts';
import { examples, positiveNumber, share } from '../../flags.ts';
import type { TagOptions } from '../../photos/tag.ts';

export function register(program: Command): void {
  program
    .command('tag')
    .description(
      'Write the labels of photographs into XMP sidecars, where Lightroom, digiKam, darktable and Immich look for keywords. ' +
        'What others wrote there stays.',
    )
    .addHelpText(
      'after',
      examples('imgcls tag photos/', 'imgcls tag 01M8NW --dry-run', 'imgcls tag --undo photos/'),
    )
    .argument(
      '[job-or-files...]',
      'Job id or its first letters, or files and folders, which are labelled first (default: the newest job)',
    )
    .option('--min-score <share>', 'Leave out labels with a lower score', share, 0.5)
    .option('--top <n>', 'Maximum number of labels per photograph', positiveNumber, 1)
    .addOption(
      new Option(
        '--sidecar <name>',
        'Name of sidecars: full (photo.jpg.xmp), short (photo.xmp, as Lightroom has them for camera raw files), or auto: the one that exists, else full',
      )
        .choices(SIDECAR_NAMES)
        .default('auto'),
    )
    .addOption(
      new Option('--embed', 'Write into the photographs themselves, by ExifTool').conflicts('sidecar'),
    )
    .option('--dry-run', 'Print the changes, and change nothing')
    .option('--undo', 'Undo what "imgcls tag" did for a job or below a folder')
    .action(async (words: string[], flags: TagOptions) => {
      const { tag } = await import('../../photos/tag.ts');
      process.exitCode = await tag(words, { ...program.opts(), ...flags });
    });
}
