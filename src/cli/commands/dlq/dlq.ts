import { type Command, Option } from 'commander';
import type { DeadLetterFlags, DeadLetterListFlags } from '../../dlq/dlq.ts';
import type { RedriveFlags } from '../../dlq/dlq-redrive.ts';
import { examples, withOutputFlags, withWaitFlags } from '../../flags.ts';

export function register(program: Command): void {
  const dlq = program
    .command('dlq')
    .description(
      'Manage dead letters: request messages that no worker could process. Their images have an error outcome.',
    );
  dlq
    .command('list')
    .description('List dead letters, with the reason and the receive count.')
    .addHelpText('after', examples('imgcls dlq list --job JOB'))
    .option('--job <job>', 'Job whose dead letters to list')
    .addOption(
      new Option('-f, --format <format>', 'Output format')
        .choices(['table', 'lines', 'json', 'ndjson'])
        .default('table'),
    )
    .action(async (flags: DeadLetterListFlags) => {
      const { listDeadLetters: listLetters } = await import('../../dlq/dlq.ts');
      process.exitCode = await listLetters({ ...program.opts(), ...flags });
    });
  dlq
    .command('show')
    .description(
      'Print a dead letter with the names of its images: as text on a terminal, as JSON elsewhere.',
    )
    .addHelpText('after', examples('imgcls dlq show ID'))
    .argument('<id>', 'Message id, as listed by "imgcls dlq list"')
    .action(async (id: string) => {
      const { showDeadLetter: showLetter } = await import('../../dlq/dlq.ts');
      process.exitCode = await showLetter(id, program.opts());
    });
  const redrive = selecting(dlq.command('redrive'))
    .description(
      'Retry the images of dead letters that still have an error, in a new attempt of their finished jobs. Delete the dead letters, ' +
        'wait, and print the new outcomes. Messages that workers could not read but this version can go back to the queue.',
    )
    .addHelpText('after', examples('imgcls dlq redrive --job JOB'));
  withOutputFlags(withWaitFlags(redrive)).action(async (ids: string[], flags: RedriveFlags) => {
    const { redriveDeadLetters: redriveLetters } = await import('../../dlq/dlq-redrive.ts');
    process.exitCode = await redriveLetters(ids, { ...program.opts(), ...flags });
  });
  selecting(dlq.command('purge'))
    .description('Delete dead letters. The outcomes of their images stay.')
    .addHelpText('after', examples('imgcls dlq purge --all'))
    .action(async (ids: string[], flags: DeadLetterFlags) => {
      const { purgeDeadLetters: purgeLetters } = await import('../../dlq/dlq.ts');
      process.exitCode = await purgeLetters(ids, { ...program.opts(), ...flags });
    });
}

const selecting = (command: Command): Command =>
  command
    .argument('[ids...]', 'Message ids, as listed by "imgcls dlq list"')
    .option('--job <job>', 'Job whose dead letters to take')
    .option('--all', 'Take all dead letters')
    .option('--dry-run', 'Print which dead letters would be taken, and do nothing');
