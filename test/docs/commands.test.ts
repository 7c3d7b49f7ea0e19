import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { withLabel } from '../../src/cli/command-line.ts';
import { topicParts } from '../../src/cli/help/topics.ts';
import { createProgram } from '../../src/cli/program.ts';
import { throwUsageErrors } from '../../src/cli/terminal/usage-error.ts';
import { register } from '../../templates/command/register.ts';
import { type CommandLine, commandLinesOf, commandsOf } from './command-lines.ts';
import { pages, repository } from './pages.ts';

const { scripts } = JSON.parse(readFileSync(path.join(repository, 'package.json'), 'utf8'));

/** The real program, with the command that docs/extend/command.md adds. Its commands do nothing. */
async function idleProgram(): Promise<Command> {
  const program = await createProgram(() => true);
  register(program);
  throwUsageErrors(program);
  const idle = (command: Command): void => {
    command.configureOutput({ writeOut: () => {}, writeErr: () => {} });
    if (command.commands.length === 0) command.action(() => {});
    for (const each of command.commands) idle(each);
  };
  idle(program);
  return program;
}

/** Of all lines, one after the other: Commander forgets the options of the line before. */
const program = await idleProgram();

/** Why the line would not do what the page says. */
async function problemOf(words: readonly string[]): Promise<string | undefined> {
  const [name = '', ...args] = words[0] === 'npx' ? words.slice(1) : words;
  if (name === 'npm' && args[0] === 'run')
    return args[1] !== undefined && args[1] in scripts ? undefined : `no script ${args[1]}`;
  if (name === 'node')
    return existsSync(path.join(repository, args[0] ?? '')) ? undefined : `no file ${args[0]}`;
  const isTopic = args[0] === 'help' && topicParts(args[1] ?? '').length > 0;
  if (name !== 'imgcls' || isTopic) return undefined;
  try {
    await program.parseAsync(
      withLabel(args, (file) => existsSync(path.join(repository, file))),
      { from: 'user' },
    );
    return undefined;
  } catch (error) {
    const { code, message, exitCode } = error as { code?: string; message: string; exitCode?: number };
    return code !== undefined && exitCode === 0 ? undefined : message;
  }
}

async function problemsOf(lines: readonly CommandLine[]): Promise<string[]> {
  const problems: string[] = [];
  for (const { place, text } of lines)
    for (const words of commandsOf(text)) {
      const problem = await problemOf(words);
      if (problem !== undefined) problems.push(`${place}: ${problem} (${text})`);
    }
  return problems;
}

describe('commands in pages', () => {
  const lines = pages.flatMap(commandLinesOf);

  it('are found', () => {
    expect(
      lines.flatMap(({ text }) => commandsOf(text)).filter(([name]) => name === 'imgcls').length,
    ).toBeGreaterThan(150);
  });

  it('exist, with their arguments and flags', async () => {
    expect(await problemsOf(lines)).toEqual([]);
  });

  it('exist where a sentence names them, and where an error says what to run', async () => {
    const named = pages.flatMap(({ file, prose }) =>
      prose.flatMap((line, at) =>
        [...line.matchAll(/[`"](imgcls [^`"{]+)[`"{]/g)].map(([, text = '']) => ({
          place: `${file}:${at + 1}`,
          text,
          output: '',
        })),
      ),
    );
    expect(named.length).toBeGreaterThan(100);
    const problems = await problemsOf(named);
    // A sentence may name a command without its arguments, and a flag without its value.
    expect(problems.filter((problem) => /unknown (command|option)/i.test(problem))).toEqual([]);
  });

  it.each([
    ['imgcls lable photos/', /lable/],
    ['imgcls label photos/ --top-q 3', /--top-q/],
    ['imgcls cluster set', /missing/i],
    ['npm run nonsense', /nonsense/],
  ])('would not hide that %s is wrong', async (text, why) => {
    const [problem] = await problemsOf([{ place: 'here', text, output: '' }]);
    expect(problem).toMatch(why);
  });
});
