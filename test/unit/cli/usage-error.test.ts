import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { positiveNumber, wholeNumber } from '../../../src/cli/flags.ts';
import { plainUsage, throwUsageErrors } from '../../../src/cli/terminal/usage-error.ts';

describe('a usage error', () => {
  it.each([
    [
      "error: unknown option '--formt'\n(Did you mean --format?)",
      "Unknown option '--formt'. Did you mean --format?",
    ],
    ["error: unknown command 'a\nb'", "Unknown command 'a\nb'."],
    ["error: option '--max <n>' argument missing", '--max needs a value.'],
    [
      "error: option '--top-k <n>' argument '-1' is invalid. It must be a whole number, 0 or more.",
      "Invalid value '-1' for --top-k. It must be a whole number, 0 or more.",
    ],
    [
      "error: command-argument value 'x' is invalid for argument 'job'. Too short.",
      "Invalid value 'x' for <job>. Too short.",
    ],
    [
      "error: too many arguments for 'rm'. Expected 1 argument but got 2.",
      "Too many arguments for 'rm'. Expected 1 argument but got 2.",
    ],
  ])('%j reads %j', (message, text) => {
    expect(plainUsage(message)).toBe(text);
  });

  it.each([
    [
      ['dlq', 'list', '--limit', 'x'],
      "Invalid value 'x' for --limit. It must be a whole number, 0 or more.",
      'dlq list',
    ],
    [
      ['dlq', 'list', '--max', '0'],
      "Invalid value '0' for --max. It must be a whole number, 1 or more.",
      'dlq list',
    ],
    [['dlq', 'lst'], "Unknown command 'lst'. Did you mean list?", 'dlq'],
  ])('of %j names the command whose help lists the options', async (args, message, named) => {
    const program = new Command('imgcls');
    program
      .command('dlq')
      .command('list')
      .option('--limit <n>', '', wholeNumber)
      .option('--max <n>', '', positiveNumber)
      .action(() => {});
    throwUsageErrors(program);
    await expect(program.parseAsync(args, { from: 'user' })).rejects.toMatchObject({
      kind: 'usage',
      message,
      hint: `imgcls ${named} --help`,
    });
  });

  it('of a word like no command says that there is no such file', async () => {
    const program = new Command('imgcls');
    program.command('dlq').command('list');
    throwUsageErrors(program);
    await expect(program.parseAsync(['dql'], { from: 'user' })).rejects.toMatchObject({
      message: "Unknown command 'dql'. Did you mean dlq?",
      hint: 'No file or folder has this name, either. The commands: imgcls --help',
    });
  });
});
