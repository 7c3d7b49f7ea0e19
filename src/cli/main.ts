// The command line. commands/GROUP/X.ts declares the flags of a command, and GROUP/X.ts does its work.

import { existsSync } from 'node:fs';
import { type Command, CommanderError } from 'commander';
import { packageFile } from '../app/package-files.ts';
import { commandOf, withLabel, withSamples, wordsOf } from './command-line.ts';
import { commandNamed } from './command-table.ts';
import { createProgram } from './program.ts';
import { exitCodeOf, isClosedPipe, printError } from './terminal/exit.ts';
import { terminal } from './terminal/terminal.ts';
import { throwUsageErrors } from './terminal/usage-error.ts';

/** Runs one command line and sets the exit code of the process. */
export async function run(given: readonly string[]): Promise<void> {
  const args = withLabel(withSamples(given, existsSync, packageFile('samples')), existsSync);
  const named = commandOf(args);
  const program = await createProgram((name) => name === named);
  throwUsageErrors(program);
  let outputError: Error | undefined;
  // The stream reports it to pending writes, too.
  process.stdout.on('error', (error) => {
    outputError = error;
  });
  // Without a reader of notices, as in `2>&1 | head -1`, the command goes on.
  process.stderr.on('error', () => {});
  program.hook('preAction', () => setVerbosity(program));
  try {
    const topic = await helpTopic(args);
    if (topic === undefined) await program.parseAsync(withoutUnknownHelp(args), { from: 'user' });
    else process.stdout.write(topic);
    await terminal.flush().catch(() => {});
    if (outputError !== undefined && !isClosedPipe(outputError)) throw outputError;
  } catch (error) {
    process.exitCode =
      error instanceof CommanderError ? helpExitCode(error) : report(error, program.opts().debug);
    exitWhenWritten();
  }
}

function setVerbosity(program: Command): void {
  const { quiet, verbose } = program.opts();
  if (quiet === true) terminal.verbosity = 'quiet';
  else if (verbose === true) terminal.verbosity = 'verbose';
}

/** The text of `imgcls help TOPIC`; undefined for anything else. */
async function helpTopic(args: readonly string[]): Promise<string | undefined> {
  const [first, name] = wordsOf(args);
  if (first !== 'help' || name === undefined || commandNamed(name) !== undefined) return undefined;
  return (await import('./help/topics.ts')).topicText(name, process.stdout.columns);
}

/** Commander prints the help for `help NOSUCH`, without an error. */
function withoutUnknownHelp(args: readonly string[]): readonly string[] {
  const [first, name] = args;
  const isUnknown = first === 'help' && name !== undefined && commandNamed(name) === undefined;
  return isUnknown ? args.slice(1) : args;
}

/** The AWS SDK keeps the timers of retries that were aborted. The process would wait for them, up to 20 s for each. */
function exitWhenWritten(): void {
  process.stdout.write('', () => process.stderr.write('', () => process.exit()));
}

/** Help that was asked for exits with 0; help in place of a missing command with 2. */
const helpExitCode = ({ exitCode }: CommanderError): number => (exitCode === 0 ? 0 : 2);

function report(error: unknown, debug: boolean): number {
  printError(error);
  if (debug) process.stderr.write(`${process.getBuiltinModule('node:util').inspect(error)}\n`);
  return exitCodeOf(error);
}
