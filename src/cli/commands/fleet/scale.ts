import { type Command, Option } from 'commander';
import { DEFAULTS } from '../../../core/settings/defaults.ts';
import type { ScaleFlags } from '../../fleet/scale.ts';

export function register(program: Command): void {
  program
    .command('scale')
    .description(
      'The controller: launches workers while there is work and ends them when there is none. One a cluster acts; others stand by.',
    )
    .option('--max <n>', 'most workers')
    .option('--min <n>', 'workers kept also without work')
    .addOption(
      new Option('--policy <name>', 'how the fleet is sized (docs/scaling.md)').choices([
        'backlog',
        'per-message',
      ]),
    )
    .option(
      '--target-seconds <s>',
      `time in which the backlog should be gone (default: ${DEFAULTS.targetSeconds})`,
    )
    .option('--idle-seconds <s>', 'how long an idle worker is kept; else a tenth of its age, 10 to 120 s')
    .option('--cooldown-seconds <s>', 'after a launch nothing is retired for so long')
    .option('--max-launch-per-tick <n>', 'most workers launched at a time')
    .option('--max-hourly-cost <usd>', 'most that the fleet may cost an hour')
    .option('--max-job-cost <usd>', 'most that workers may cost a job')
    .addOption(
      new Option(
        '--fleet <name>',
        'what launches workers on AWS: ec2 (--launch-template) or asg (--auto-scaling-group)',
      ).choices(['ec2', 'asg']),
    )
    .option('--auto-scaling-group <name>', 'EC2 Auto Scaling group of workers')
    .option('--launch-template <name>', 'EC2 launch template of workers: name or id, or with :VERSION')
    .option('--instance-types <list>', 'EC2 instance types, comma-separated')
    .option('--subnets <list>', 'subnets for workers, comma-separated')
    .option('--on-demand-percentage <n>', 'share of on-demand instances; the rest is spot')
    .option('--warm <n>', 'stopped instances kept, to be started first')
    .option('--once', 'look, decide and act once')
    .option('--dry-run', 'look and decide, say what would be done and why, and do nothing')
    .option('--drain-on-exit', 'at the end let every worker finish and end; else the fleet stays as it is')
    .addOption(
      new Option('--format <format>', 'how decisions are written').choices(['text', 'json']).default('text'),
    )
    .action(async (flags: ScaleFlags) => {
      const { scale } = await import('../../fleet/scale.ts');
      await scale({ ...program.opts(), ...flags });
    });
}
