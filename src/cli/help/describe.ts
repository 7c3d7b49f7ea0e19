import type { Command, Option } from 'commander';

/** A command as its help describes it. */
export interface DescribedCommand {
  /** `model pull`; '' is the program. */
  path: string;
  names: readonly string[];
  summary: string;
  description: string;
  usage: string;
  options: readonly DescribedOption[];
  subcommands: readonly DescribedCommand[];
}

export interface DescribedOption {
  /** `-f, --format <format>`. */
  flags: string;
  short: string | undefined;
  long: string | undefined;
  description: string;
  takesValue: boolean;
  choices: readonly string[];
}

/** The command with its subcommands, as the table of commands declares them. */
export function describeCommand(command: Command, parents: readonly string[] = []): DescribedCommand {
  const helper = command.createHelp();
  const isProgram = command.parent === null;
  const path = isProgram ? [] : [...parents, command.name()];
  return {
    path: path.join(' '),
    names: [command.name(), ...command.aliases()],
    summary: helper.subcommandDescription(command),
    description: helper.commandDescription(command),
    usage: helper.commandUsage(command),
    options: helper.visibleOptions(command).map((option) => describeOption(option, helper)),
    subcommands: command.commands.map((each) => describeCommand(each, path)),
  };
}

const describeOption = (
  option: Option,
  helper: { optionDescription(option: Option): string },
): DescribedOption => ({
  flags: option.flags,
  short: option.short,
  long: option.long,
  description: helper.optionDescription(option),
  takesValue: option.required || option.optional,
  choices: option.argChoices ?? [],
});

/** The command and all below it. */
export const withDescendants = (command: DescribedCommand): DescribedCommand[] => [
  command,
  ...command.subcommands.flatMap(withDescendants),
];
