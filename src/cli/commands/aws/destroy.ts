import type { Command } from 'commander';
import type { DestroyFlags } from '../../aws/destroy.ts';
import { examples } from '../../flags.ts';

export function register(program: Command): void {
  program
    .command('destroy')
    .description(
      'Delete a deployed cluster: its instances, the contents of its buckets, its stack and its settings. List them and ask first; list ' +
        'afterwards what is left and how to delete it.',
    )
    .addHelpText('after', examples('imgcls destroy --region eu-central-1'))
    .option('--region <region>', 'Region (default: the one of the AWS configuration)')
    .option(
      '--settings <file>',
      "Settings file to clear (default: imgcls.config.json in the user's config folder)",
    )
    .option(
      '--keep-images',
      'Keep machine images and the bucket of assets, which are otherwise deleted with the last cluster of the region',
    )
    .option('--dry-run', 'List what would be deleted, and delete nothing')
    .option('--yes', 'Do not ask for confirmation')
    .action(async (flags: DestroyFlags) => {
      const { destroy } = await import('../../aws/destroy.ts');
      process.exitCode = await destroy({ ...program.opts(), ...flags });
    });
}
