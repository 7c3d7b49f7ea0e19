import { type Command, Option } from 'commander';
import { DEFAULTS } from '../../../core/settings/defaults.ts';
import { examples } from '../../flags.ts';
import type { ScaleFlags } from '../../fleet/scale.ts';

export function register(program: Command): void {
  program
    .command('scale')
    .description(
      'Run the controller: launch workers for the backlog, and end idle ones. One controller per cluster is active; others stand by.',
    )
    .addHelpText('after', examples('imgcls scale --max 20 --target-seconds 60', 'imgcls scale --fleet none'))
    .option('--max <n>', 'Maximum number of workers')
    .option('--min <n>', 'Minimum number of workers, even without work')
    .addOption(
      new Option('--policy <name>', 'Scaling policy (see docs/scaling.md)').choices([
        'backlog',
        'per-message',
      ]),
    )
    .addOption(
      new Option(
        '--forecast <mode>',
        'Start workers ahead of work that recurs (default: on; see docs/scaling.md)',
      ).choices(['on', 'off']),
    )
    .option(
      '--target-seconds <s>',
      `Time in which the backlog should be done (default: ${DEFAULTS.targetSeconds})`,
    )
    .option(
      '--idle-seconds <s>',
      'Time that an idle worker is kept (default: a twentieth of its age, 5 to 120 s)',
    )
    .option('--cooldown-seconds <s>', 'Time after a launch in which no worker is retired')
    .option('--max-launch-per-tick <n>', 'Maximum number of workers launched at once')
    .option('--max-hourly-cost <usd>', 'Maximum cost of the fleet per hour')
    .option('--max-job-cost <usd>', 'Maximum cost of the workers per job')
    .addOption(
      new Option(
        '--fleet <name>',
        'Fleet driver on AWS: ec2 (--launch-template), asg (--auto-scaling-group), or none (maintenance only)',
      ).choices(['ec2', 'asg', 'none']),
    )
    .option('--auto-scaling-group <name>', 'EC2 Auto Scaling group of workers')
    .option(
      '--launch-template <name>',
      'EC2 launch template of workers: name or id, optionally with :VERSION',
    )
    .option('--instance-types <list>', 'EC2 instance types, comma-separated')
    .option('--subnets <list>', 'Subnets of workers, comma-separated')
    .option('--on-demand-percentage <n>', 'Percentage of on-demand instances; the rest is spot')
    .option('--warm <n>', 'Number of stopped instances to keep for a faster start')
    .option('--once', 'Run one tick and exit')
    .option('--dry-run', 'Print what would be done and why, and do nothing')
    .option('--drain-on-exit', 'Drain all workers on exit (default: leave the fleet running)')
    .addOption(
      new Option('-f, --format <format>', 'Output format of decisions')
        .choices(['text', 'json'])
        .default('text'),
    )
    .action(async (flags: ScaleFlags) => {
      const { scale } = await import('../../fleet/scale.ts');
      await scale({ ...program.opts(), ...flags });
    });
}
