import { type Command, InvalidArgumentError, Option } from 'commander';
import { KEEP_INPUTS_DAYS } from '../../../core/job/retention.ts';
import { NETWORKS } from '../../../deploy/network.ts';
import type { DeployFlags } from '../../aws/deploy-parameters.ts';
import { collect, examples, formerName, wholeNumber } from '../../flags.ts';

export function register(program: Command): void {
  program
    .command('deploy')
    .description(
      'Create or update a cluster on AWS: one CloudFormation stack, imgcls-<cluster>. Show the changes, ask, wait for the deployment, and ' +
        'write the settings by which other commands find the cluster. Options that are not given keep their deployed value.',
    )
    .addHelpText('after', examples('imgcls deploy --region eu-central-1 --max 10 --dry-run'))
    .option('--region <region>', 'Region (default: the one of the AWS configuration)')
    .option('--vpc <id>', 'VPC (default: the default VPC)')
    .option(
      '--subnets <list>',
      'Subnets, comma-separated, one in each zone (default: those of the VPC that fit)',
    )
    .addOption(
      new Option(
        '--network <kind>',
        'How machines reach AWS: by a public IPv4 address while they run (public, default), a NAT gateway (private), IPv6, or VPC endpoints, ' +
          'which cost $7.30 a month for each service and zone',
      ).choices([...NETWORKS]),
    )
    .option('--instance-type <type>', 'Instance type of the workers')
    .option(
      '--image <ami>',
      'Machine image of the workers (default: the newest one of the account; without one, build it)',
    )
    .option('--max <n>', 'Maximum number of workers', wholeNumber)
    .addOption(
      new Option(
        '--fleet <kind>',
        'What launches workers: the controller (ec2) or an Auto Scaling group (asg)',
      ).choices(['ec2', 'asg']),
    )
    .option('--model <name>', 'Model that workers load when they start')
    .option(
      '--controller',
      'Run the controller as a function of AWS Lambda, which costs next to nothing without work',
    )
    .option(
      '--no-controller',
      'Run no controller: workers are launched only while "imgcls scale" runs somewhere',
    )
    .option('--with-web', 'Run the web page and the REST API behind a load balancer')
    .option('--no-with-web', 'Do not run them')
    .option('--web-type <type>', 'Instance type of the web page')
    .option('--certificate <arn>', 'ACM certificate of the web page')
    .option('--web-cidr <range>', 'Addresses that may reach the web page')
    .addOption(
      new Option(
        '--web-scheme <scheme>',
        'Whether the web page has public addresses; a change gives it a new address',
      ).choices(['internal', 'internet-facing']),
    )
    .option(
      '--web-subnets <list>',
      'Subnets of the load balancer, in two zones at least (default: --subnets)',
    )
    .option('--read-bucket <name>', 'Bucket whose images are read in place; repeatable', collect)
    .option('--alarm-email <address>', 'Recipient of alarms')
    .option('--daily-spend <usd>', 'Cost of the workers in a day above which an alarm is raised', usd)
    .option(
      '--keep-inputs <days>',
      `Days that the input bucket keeps photographs after their last use (new clusters: ${KEEP_INPUTS_DAYS}; at least 1)`,
      wholeNumber,
    )
    .option('--parameter <name=value>', 'Any other parameter of the template; repeatable', collect)
    .option('--template <file>', 'Template to use instead: a file, or its S3 address (https://...)')
    .option(
      '--settings <file>',
      "Settings file to write (default: imgcls.config.json in the user's config folder)",
    )
    .option('--dry-run', 'Show the changes, and make none')
    .addOption(formerName('--plan'))
    .option('--yes', 'Do not ask for confirmation')
    .action(async ({ plan, ...flags }: DeployFlags & { plan?: boolean }) => {
      const { deploy } = await import('../../aws/deploy.ts');
      process.exitCode = await deploy({ ...program.opts(), ...(plan && { dryRun: plan }), ...flags });
    });
}

function usd(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0))
    throw new InvalidArgumentError('It must be a number of US dollars, 0 or more.');
  return value;
}
