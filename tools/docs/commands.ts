/** Every command with its arguments, its flags and its examples, and the exit codes. */
import type { Command } from 'commander';
import { COMMAND_GROUPS } from '../../src/cli/command-table.ts';
import { type DescribedOption, describeCommand } from '../../src/cli/help/describe.ts';
import { topicParts } from '../../src/cli/help/topics.ts';
import { createProgram } from '../../src/cli/program.ts';
import { code, escaped, page, table } from './markdown.ts';

/** What the help prints below the options. */
function examplesOf(command: Command): string {
  let help = '';
  command.configureOutput({
    writeOut(text) {
      help += text;
    },
  });
  command.outputHelp();
  const [, examples = ''] = /\nExamples?:\n((?: {2}.*\n?)+)/.exec(help) ?? [];
  const lines = examples
    .trimEnd()
    .split('\n')
    .map((line) => `$ ${line.trim()}`);
  return examples === '' ? '' : `\`\`\`console\n${lines.join('\n')}\n\`\`\``;
}

const flagTable = (options: readonly DescribedOption[]): string =>
  table(
    ['flag', ''],
    options
      .filter(({ long }) => long !== '--help')
      .map(({ flags, description }) => [code(flags), escaped(description)]),
  );

function section(command: Command, parents: readonly string[], depth: number): string[] {
  const { path, usage, description, options, names } = describeCommand(command, parents);
  const inputs = command.registeredArguments.map((argument) => [
    code(argument.name()),
    escaped(argument.description),
  ]);
  const aliases = names.slice(1).map((alias) => `\`imgcls ${[...parents, alias].join(' ')}\``);
  return [
    `${'#'.repeat(depth)} imgcls ${path}`,
    escaped(description),
    ...(aliases.length === 0 ? [] : [`Also ${aliases.join(', ')}.`]),
    `\`\`\`text\n${usage}\n\`\`\``,
    ...(inputs.length === 0 ? [] : [table(['argument', ''], inputs)]),
    ...(options.length <= 1 ? [] : [flagTable(options)]),
    examplesOf(command),
    ...command.commands
      .filter((each) => each.name() !== 'help')
      .flatMap((each) => section(each, [...parents, command.name()], depth + 1)),
  ].filter((text) => text !== '');
}

export async function commandsPage(): Promise<string> {
  const program = await createProgram(() => true);
  const groups = Object.entries(COMMAND_GROUPS).map(([group, commands]) => {
    const links = Object.keys(commands).map((name) => `[${name}](#imgcls-${name})`);
    return [escaped(group.replace(':', '')), links.join(', ')];
  });
  const topics = [topicParts('exit-codes'), topicParts('formats')].flat().map((part) =>
    typeof part === 'string'
      ? escaped(part)
      : table(
          [escaped(part[0].replace(':', '')), ''],
          part[1].map(([term, meaning]) => [code(term), escaped(meaning)]),
        ),
  );
  return page(
    'Commands',
    '`imgcls help COMMAND` prints the same. A file, a folder or a glob in place of a command is labelled: `imgcls photos/` is `imgcls label photos/`.',
    table(['group', 'commands'], groups),
    '## Flags of every command',
    flagTable(describeCommand(program).options),
    ...program.commands
      .filter((each) => each.name() !== 'help')
      .flatMap((command) => section(command, [], 2)),
    '## Exit codes and formats',
    ...topics,
  );
}
