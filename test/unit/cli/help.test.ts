import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../../src/cli/program.ts';

const program = await createProgram(() => true);
const withSubcommands = (command: Command): Command[] => [
  command,
  ...command.commands.flatMap(withSubcommands),
];
const commands = program.commands.flatMap(withSubcommands);

/** The help as it is printed, with its examples. */
function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut(written) {
      text += written;
    },
  });
  command.outputHelp();
  return text;
}

const pathOf = (command: Command): string =>
  command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;

describe('the help', () => {
  it('knows every command', () => {
    expect(commands.length).toBeGreaterThan(30);
  });

  it.each(commands.map((command) => [pathOf(command), command] as const))(
    'of %s describes the command, its arguments and its options',
    (_, command) => {
      expect(command.description()).toMatch(/^[A-Z].*\.$/);
      const described = [...command.options, ...command.registeredArguments].map(
        ({ description }) => description,
      );
      for (const description of described) expect(description).toMatch(/^[A-Z].*[^.]$/);
    },
  );

  it('speaks of itself as everything else does', () => {
    for (const command of [program, ...commands]) expect(helpOf(command)).not.toMatch(/display help/);
  });

  it.each(
    commands
      .filter(({ commands: subcommands }) => subcommands.length === 0)
      .map((command) => [pathOf(command), command] as const),
  )('of %s has an example of the command', (name, command) => {
    expect(helpOf(command)).toMatch(new RegExp(`\nExamples?:\n(?:  .*\n)*.*${name}\\b`));
  });
});
