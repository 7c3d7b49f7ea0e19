// `imgcls ami ...`: the machine images of workers. Help loads no SDK.

import { type Command, InvalidArgumentError, Option } from 'commander';
import { ARCHITECTURES } from '../../../core/aws-account/ec2-images.ts';
import type { AmiBuildFlags, AmiListFlags } from '../../aws/ami.ts';
import { collect, wholeNumber } from '../../flags.ts';

/** To go back to, should the newest turn out to be wrong. */
const KEPT = 3;

export function register(program: Command): void {
  const ami = program.command('ami').description('The machine images that workers on EC2 start from.');
  ami
    .command('build')
    .description(
      'Makes one: an instance of Amazon Linux 2023 installs imgcls, is checked, becomes an image, and is terminated.',
    )
    .addOption(
      new Option('--arch <architecture>', 'what it runs on')
        .choices([...ARCHITECTURES, 'both'])
        .default('x86_64'),
    )
    .option(
      '--package <package>',
      'what is installed: a file that "npm pack" made, or NAME@VERSION; else this imgcls',
    )
    .option('--bucket <name>', 'bucket in which a file waits for the builder; else the output bucket')
    .option('--model <name>', 'model that is pulled into the image; again for more', collect, [])
    .option('--subnet <id>', 'subnet of the builder, from which it reaches the package registries')
    .option('--instance-type <type>', 'of the builder; models are prepared for its type of CPU')
    .addOption(
      new Option(
        '--keep <n>',
        'newest images of each architecture that stay, besides those in a launch template',
      )
        .argParser(atLeastOne)
        .default(KEPT),
    )
    .option('--yes', 'do not ask')
    .action(async (flags: AmiBuildFlags) => {
      const { amiBuild } = await import('../../aws/ami.ts');
      await amiBuild({ ...program.opts(), ...flags });
    });
  ami
    .command('list')
    .description('Lists them, newest first.')
    .addOption(
      new Option('--format <format>', 'how it is written').choices(['table', 'json']).default('table'),
    )
    .action(async (flags: AmiListFlags) => {
      const { amiList } = await import('../../aws/ami.ts');
      await amiList(flags);
    });
}

function atLeastOne(text: string): number {
  const value = wholeNumber(text);
  if (value === 0) throw new InvalidArgumentError('The one that is built stays, so at least 1.');
  return value;
}
