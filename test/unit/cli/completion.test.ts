import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { completionScript, SHELLS } from '../../../src/cli/help/completion.ts';
import { describeCommand } from '../../../src/cli/help/describe.ts';
import { manPage } from '../../../src/cli/help/man-page.ts';
import { topicText } from '../../../src/cli/help/topics.ts';
import { createProgram } from '../../../src/cli/program.ts';

const program = describeCommand(await createProgram(() => true));

/** What bash offers at the end of the words. */
function inBash(...words: string[]): string[] {
  const script = `${completionScript('bash', program)}
COMP_WORDS=(imgcls "$@"); COMP_CWORD=$#; _imgcls; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const reply = execFileSync('bash', ['--norc', '-c', script, 'bash', ...words], { encoding: 'utf8' });
  return reply.split('\n').filter((word) => word !== '');
}

describe('completions', () => {
  it.each(SHELLS)('of %s have every command, alias and option', (shell) => {
    const script = completionScript(shell, program);
    for (const word of ['label', 'upload', 'pull', 'redrive', 'min-score', 'data-dir', 'markdown'])
      expect(script).toContain(word);
  });

  it.each([['zsh'], ['fish']] as const)('of %s are a script without errors', (shell) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'imgcls-completion-'));
    const file = path.join(folder, shell);
    writeFileSync(file, completionScript(shell, program));
    const { error, status, stderr } = spawnSync(shell, ['-n', file], { encoding: 'utf8' });
    rmSync(folder, { recursive: true });
    // A machine without that shell cannot tell.
    if (error === undefined) expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('of bash follow commands, options and their values', () => {
    expect(inBash('la')).toEqual(['label']);
    expect(inBash('model', 'pu')).toEqual(['pull', 'push']);
    expect(inBash('upload', '--min')).toEqual(['--min-score']);
    expect(inBash('label', 'photos', '--format', 'c')).toEqual(['csv']);
    expect(inBash('results', '-f', 'nd')).toEqual(['ndjson']);
    expect(inBash('label', 'pho'), 'files are the business of bash').toEqual([]);
  });
});

describe('the manual page', () => {
  it('has every command and topic, and no line that roff takes for a macro of its own', () => {
    const page = manPage(program, '0.1.0');
    for (const text of ['.SS imgcls label|upload', '\\-\\-min\\-score', '.SH EXIT STATUS', 'NO_COLOR'])
      expect(page).toContain(text);
    for (const line of page.split('\n'))
      if (/^[.']/.test(line)) expect(line).toMatch(/^\.(TH|SH|SS|TP|B|I|br|nf|fi)\b/);
  });
});

describe('a help topic', () => {
  it('is one of the list', () => {
    for (const [, name = ''] of topicText('topics')?.matchAll(/imgcls help (\S+)/g) ?? [])
      expect(topicText(name)).toMatch(/\n$/);
    expect(topicText('nosuch')).toBeUndefined();
  });

  it.each(['images', 'formats', 'errors', 'exit-codes', 'environment'])('%s fits the terminal', (name) => {
    const widest = (columns?: number) =>
      Math.max(...(topicText(name, columns) ?? '').split('\n').map((line) => line.length));
    expect(widest()).toBeLessThanOrEqual(80);
    expect(widest(100)).toBeLessThanOrEqual(100);
  });
});
