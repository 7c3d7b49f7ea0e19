import type { Command } from 'commander';
import { version } from '../../../app/version.ts';
import { examples } from '../../flags.ts';
import { describeCommand } from '../../help/describe.ts';

export function register(program: Command, complete: () => Promise<Command>): void {
  program
    .command('man')
    .description('Print the manual page of all commands.')
    .addHelpText('after', examples('imgcls man | man -l -', 'imgcls man > ~/.local/share/man/man1/imgcls.1'))
    .action(async () => {
      const { manPage } = await import('../../help/man-page.ts');
      process.stdout.write(manPage(describeCommand(await complete()), version));
    });
}
