import { type Command, Option } from 'commander';
import type { DoctorFlags } from '../../doctor/doctor.ts';
import { examples } from '../../flags.ts';

export function register(program: Command): void {
  program
    .command('doctor')
    .description(
      'Check credentials, network, buckets, queues and models, on this machine and in the cluster. Print one line per check, ' +
        'with what to do where it failed. Change nothing. The exit code is 1 if a check failed.',
    )
    .addHelpText('after', examples('imgcls doctor --format json'))
    .addOption(new Option('-f, --format <format>', 'Output format').choices(['text', 'json']).default('text'))
    .action(async (flags: DoctorFlags) => {
      const { doctor } = await import('../../doctor/doctor.ts');
      process.exitCode = await doctor({ ...program.opts(), ...flags });
    });
}
