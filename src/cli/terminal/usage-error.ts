import type { Command, CommanderError } from 'commander';
import { ImgclsError } from '../../core/runtime/errors.ts';

/** Makes a command and its subcommands throw usage errors, which commander would print in words of its own. */
export function throwUsageErrors(command: Command): void {
  command.configureOutput({ outputError: () => {} }).exitOverride((error) => {
    throw isHelp(error) ? error : usageError(error, command);
  });
  for (const subcommand of command.commands) throwUsageErrors(subcommand);
}

/** Commander has printed the help or the version. */
const isHelp = ({ code, exitCode }: CommanderError): boolean => exitCode === 0 || code === 'commander.help';

function usageError({ code, message }: CommanderError, command: Command): ImgclsError {
  const help = `${pathOf(command)} --help`;
  // Inputs may stand in place of a command.
  const mayBeInput = code === 'commander.unknownCommand' && command.parent === null;
  return new ImgclsError('usage', plainUsage(message), {
    hint: mayBeInput ? `No file or folder has this name, either. The commands: ${help}` : help,
  });
}

const REWORDED: readonly (readonly [RegExp, string])[] = [
  [/^option '(?:-\w, )?(--[\w-]+)[^']*' argument '(.*)' is invalid\./s, "Invalid value '$2' for $1."],
  [/^command-argument value '(.*)' is invalid for argument '(.*)'\./s, "Invalid value '$1' for <$2>."],
  [/^option '(?:-\w, )?(--[\w-]+)[^']*' argument missing$/, '$1 needs a value'],
];

/** Commander's message as sentences: `Unknown option '--formt'. Did you mean --format?` */
export function plainUsage(message: string): string {
  const [, problem = message, suggestion = ''] =
    /^error: (.*?)(?:\n\((Did you mean .*)\))?$/s.exec(message) ?? [];
  const reworded = REWORDED.reduce((text, [pattern, words]) => text.replace(pattern, words), problem);
  const sentence = `${reworded.charAt(0).toUpperCase()}${reworded.slice(1)}`;
  return `${/[.?!]$/.test(sentence) ? sentence : `${sentence}.`} ${suggestion}`.trimEnd();
}

const pathOf = (command: Command): string =>
  command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
