import { type Command, InvalidArgumentError, Option } from 'commander';
import type { DeployFlags } from '../../aws/deploy.ts';
import { collect, wholeNumber } from '../../flags.ts';

export function register(program: Command): void {
  program
    .command('deploy')
    .description(
      'Makes or changes a cluster on AWS: one CloudFormation stack, imgcls-<cluster>. Shows what would change, asks, follows it to the end, and ' +
        'writes the settings by which other commands find the cluster. What no flag names stays as it is.',
    )
    .option('--region <region>', "where; else AWS's own setting")
    .option('--vpc <id>', 'VPC; else the default one')
    .option('--subnets <list>', 'subnets, comma-separated; else all of the VPC')
    .option('--instance-type <type>', 'of workers')
    .option('--image <ami>', 'machine image of workers; else the newest of "imgcls ami build"')
    .option('--max <n>', 'most workers', wholeNumber)
    .addOption(
      new Option('--fleet <kind>', 'who launches workers: the controller, or an Auto Scaling group').choices([
        'ec2',
        'asg',
      ]),
    )
    .option('--model <name>', 'model that workers load first')
    .option('--controller', 'an instance that runs "imgcls scale"')
    .option('--no-controller', 'none: nothing is launched until "imgcls scale" runs somewhere')
    .option('--controller-type <type>', 'instance type of the controller')
    .option('--with-web', 'the page and REST service behind a load balancer')
    .option('--no-with-web', 'without them')
    .option('--certificate <arn>', 'certificate of ACM for the page')
    .option('--web-cidr <range>', 'addresses that may reach the page')
    .option('--read-bucket <name>', 'bucket whose images are read in place; again for more', collect)
    .option('--with-endpoints', 'VPC endpoints, for subnets without a NAT gateway')
    .option('--no-with-endpoints', 'without them')
    .option('--alarm-email <address>', 'who is told of alarms')
    .option('--daily-spend <usd>', 'raise an alarm when workers have cost more in a day', usd)
    .option('--parameter <name=value>', 'any other parameter of the template; again for more', collect)
    .option('--template <file>', 'a template of your own: a file, or its address in S3 (https://...)')
    .option('--settings <file>', "config file to write; else imgcls.config.json of the user's config folder")
    .option('--plan', 'show what would change, and change nothing')
    .option('--yes', 'do not ask')
    .action(async (flags: DeployFlags) => {
      const { deploy } = await import('../../aws/deploy.ts');
      process.exitCode = await deploy({ ...program.opts(), ...flags });
    });
}

function usd(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0))
    throw new InvalidArgumentError('It must be a number of US dollars.');
  return value;
}
