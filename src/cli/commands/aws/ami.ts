// `imgcls ami ...`: machine images of workers. Help loads no SDK.

import { type Command, InvalidArgumentError, Option } from 'commander';
import { ARCHITECTURES } from '../../../core/aws-account/ec2-images.ts';
import type { AmiBuildFlags, AmiListFlags } from '../../aws/ami.ts';
import { collect, examples, wholeNumber } from '../../flags.ts';

/** Older images allow a rollback. */
const KEPT = 3;

export function register(program: Command): void {
  const ami = program
    .command('ami')
    .description('Build and list the machine images (AMIs) that workers on EC2 start from.');
  ami
    .command('build')
    .description(
      'Build a machine image: launch an instance of Amazon Linux 2023, install imgcls, check it, make the image, and terminate the instance.',
    )
    .addHelpText('after', examples('imgcls ami build --arch arm64 --model resnet50'))
    .addOption(
      new Option('--arch <architecture>', 'CPU architecture')
        .choices([...ARCHITECTURES, 'both'])
        .default('x86_64'),
    )
    .option('--package <file>', 'Package to install: a file made by "npm pack" (default: this imgcls)')
    .addOption(
      new Option('--model <name>', 'Model to pull into the image; repeatable')
        .argParser(collect)
        .default([], 'none'),
    )
    .option('--heic', 'Install the decoder of HEIC, which is covered by patents in some countries')
    .option('--subnet <id>', 'Subnet of the builder; it must reach the package registries')
    .option('--instance-type <type>', 'Instance type of the builder; models are optimised for its CPU')
    .addOption(
      new Option(
        '--keep <n>',
        'Number of images to keep per architecture, besides those in a launch template',
      )
        .argParser(atLeastOne)
        .default(KEPT),
    )
    .option('--yes', 'Do not ask for confirmation')
    .action(async (flags: AmiBuildFlags) => {
      const { amiBuild } = await import('../../aws/ami.ts');
      await amiBuild({ ...program.opts(), ...flags });
    });
  ami
    .command('list')
    .description('List machine images, newest first.')
    .addHelpText('after', examples('imgcls ami list'))
    .addOption(
      new Option('-f, --format <format>', 'Output format').choices(['table', 'json']).default('table'),
    )
    .action(async (flags: AmiListFlags) => {
      const { amiList } = await import('../../aws/ami.ts');
      await amiList(flags);
    });
}

function atLeastOne(text: string): number {
  const value = wholeNumber(text);
  if (value === 0) throw new InvalidArgumentError('It must be at least 1: the new image itself is kept.');
  return value;
}
