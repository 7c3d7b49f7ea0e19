import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { describeCommand } from '../../src/cli/help/describe.ts';
import { throwUsageErrors } from '../../src/cli/terminal/usage-error.ts';
import type { Outcome } from '../../src/core/model/outcome.ts';
import { register } from './register.ts';
import { countLabels, tallyText } from './tally.ts';

const labelled = (label: string): Outcome => ({
  v: 1,
  index: 0,
  name: 'a.jpg',
  model: 'any/fp32',
  ms: 1,
  labels: [{ wnid: 'n1', label, score: 0.9 }],
});
const failed: Outcome = {
  v: 1,
  index: 1,
  name: 'b.txt',
  error: { code: 'not_an_image', message: 'A text.' },
};

async function* each(outcomes: readonly Outcome[]): AsyncGenerator<Outcome> {
  yield* outcomes;
}

describe('imgcls tally', () => {
  it('counts labels and errors, the most frequent first', async () => {
    const counted = await countLabels(each([labelled('tabby'), failed, labelled('alp'), labelled('tabby')]));
    expect(tallyText(counted)).toBe('2\ttabby\n1\talp\n1\terror: not_an_image\n');
  });

  it('describes itself as every command does', () => {
    const program = new Command('imgcls').helpOption('-h, --help', 'Show help');
    register(program);
    const [described] = describeCommand(program).subcommands;
    expect(described?.description).toMatch(/^[A-Z].*\.$/);
    for (const { description } of described?.options ?? []) expect(description).toMatch(/^[A-Z].*[^.]$/);
  });

  it('refuses a number that is none, and says which', async () => {
    const program = new Command('imgcls');
    register(program);
    throwUsageErrors(program);
    const run = program.parseAsync(['tally', 'JOB', '--top', 'many'], { from: 'user' });
    await expect(run).rejects.toMatchObject({ kind: 'usage', message: expect.stringContaining('--top') });
  });
});
