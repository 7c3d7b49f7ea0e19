import { type Command, Option } from 'commander';
import type { DoctorFlags } from '../doctor/doctor.ts';

export function register(program: Command): void {
  program
    .command('doctor')
    .description(
      'Checks all that imgcls stands on, here and in the cluster: a line each, ok or what to do. Changes nothing. The exit code is 1 where ' +
        'something has to be done.',
    )
    .addOption(new Option('--format <format>', 'how it is written').choices(['text', 'json']).default('text'))
    .action(async (flags: DoctorFlags) => {
      const { doctor } = await import('../doctor/doctor.ts');
      process.exitCode = await doctor({ ...program.opts(), ...flags });
    });
}
