import { type Command, Option } from 'commander';
import type { LetterFlags, LetterListFlags } from '../../dlq/dlq.ts';
import type { RedriveFlags } from '../../dlq/dlq-redrive.ts';
import { withOutputFlags, withWaitFlags } from '../../flags.ts';

export function register(program: Command): void {
  const dlq = program
    .command('dlq')
    .description(
      'Dead letters: batches that nobody could finish. Their images have an error; the letters are kept.',
    );
  dlq
    .command('list')
    .description('Lists the letters that are kept: why each is here and how often it was tried.')
    .option('--job <job>', 'only those of a job')
    .addOption(
      new Option('--format <format>', 'how letters are listed')
        .choices(['table', 'lines', 'json', 'ndjson'])
        .default('table'),
    )
    .action(async (flags: LetterListFlags) => {
      const { listLetters } = await import('../../dlq/dlq.ts');
      process.exitCode = await listLetters({ ...program.opts(), ...flags });
    });
  dlq
    .command('show')
    .description(
      'Prints a letter whole, with the names of its images; as JSON where it does not go to a terminal.',
    )
    .argument('<id>', 'message id, as "imgcls dlq list" gives it')
    .action(async (id: string) => {
      const { showLetter } = await import('../../dlq/dlq.ts');
      process.exitCode = await showLetter(id, program.opts());
    });
  const redrive = selecting(dlq.command('redrive')).description(
    'Tries the images of letters again that still have an error, in another attempt of their finished jobs, deletes the letters, ' +
      'waits, and prints the new outcomes. What workers could not read goes back to the queue once this imgcls can.',
  );
  withOutputFlags(withWaitFlags(redrive)).action(async (ids: string[], flags: RedriveFlags) => {
    const { redriveLetters } = await import('../../dlq/dlq-redrive.ts');
    process.exitCode = await redriveLetters(ids, { ...program.opts(), ...flags });
  });
  selecting(dlq.command('purge'))
    .description('Deletes letters; the outcomes of their images stay.')
    .action(async (ids: string[], flags: LetterFlags) => {
      const { purgeLetters } = await import('../../dlq/dlq.ts');
      process.exitCode = await purgeLetters(ids, { ...program.opts(), ...flags });
    });
}

const selecting = (command: Command): Command =>
  command
    .argument('[ids...]', 'message ids, as "imgcls dlq list" gives them')
    .option('--job <job>', 'all letters of a job')
    .option('--all', 'all letters');
