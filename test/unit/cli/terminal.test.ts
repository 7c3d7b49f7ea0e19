import { execFileSync } from 'node:child_process';
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { hasColours, screenOf } from '../../../src/cli/terminal/screen.ts';
import { Terminal } from '../../../src/cli/terminal/terminal.ts';

const stream = (properties: object) => Object.assign(new PassThrough(), properties);
const screenStream = () =>
  stream({ isTTY: true, columns: 80, cursorTo: () => true, clearLine: () => true, moveCursor: () => true });

/** The descriptor of a named pipe, which no process reads. */
function openPipe(): number {
  const folder = mkdtempSync(path.join(tmpdir(), 'imgcls-pipe-'));
  try {
    execFileSync('mkfifo', [path.join(folder, 'pipe')]);
    return openSync(path.join(folder, 'pipe'), 'r+');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('colours', () => {
  it.each([
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: '1' }, false],
    [true, { TERM: 'dumb' }, false],
    [true, { CLICOLOR: '0' }, false],
    [false, { CLICOLOR_FORCE: '1' }, true],
    [false, { CLICOLOR_FORCE: '0' }, false],
    [false, { FORCE_COLOR: '1' }, true],
    [true, { NO_COLOR: '1', CLICOLOR_FORCE: '1' }, false],
  ])('on a terminal (%s) with %j: %s', (isTTY, env, expected) => {
    expect(hasColours({ isTTY }, env)).toBe(expected);
  });
});

describe('a screen', () => {
  it('is a terminal, whose width may be unknown', () => {
    expect(screenOf({ isTTY: false, columns: 80 }, {})).toBeUndefined();
    expect(screenOf({ isTTY: true, columns: 80 }, {})).toEqual({ columns: 80, hasColours: true });
    expect(screenOf({ isTTY: true, columns: 0 }, {})).toEqual({ columns: undefined, hasColours: true });
  });
});

describe('the terminal', () => {
  const open = (verbosity: Terminal['verbosity']) => {
    const [stdout, stderr] = [stream({}), stream({})];
    const terminal = new Terminal({ stdout, stderr });
    terminal.verbosity = verbosity;
    terminal.notice('Skipped a\u001b[2J.');
    terminal.warn('It is old.');
    terminal.detail('From the folder.');
    return String(stderr.read() ?? '');
  };

  it('shows as much as is asked for, and nothing that steers it', () => {
    expect(open('quiet')).toBe('');
    expect(open('normal')).toBe('Skipped a\\u001b[2J.\nwarning: It is old.\n');
    expect(open('verbose')).toBe('Skipped a\\u001b[2J.\nwarning: It is old.\nFrom the folder.\n');
  });

  it('keeps a line up to date, but never below what the reader of a pipe may print', async () => {
    const stderr = screenStream();
    const stdout = stream({ fd: openPipe() });
    const terminal = new Terminal({ stdout, stderr });
    const line = await terminal.openStatusLine('starting');
    expect(line?.isRetired).toBe(false);
    await terminal.write('');
    expect(line?.isRetired).toBe(false);
    await terminal.write('cat.jpg, tabby\n');
    expect(line?.isRetired).toBe(true);
    line?.show('again');
    expect(String(stderr.read())).not.toContain('again');
  });

  it('keeps the line while results go to a file', async () => {
    const terminal = new Terminal({
      stdout: stream({ fd: openSync('/dev/null', 'w') }),
      stderr: screenStream(),
    });
    const line = await terminal.openStatusLine('starting');
    await terminal.write('cat.jpg, tabby\n');
    expect(line?.isRetired).toBe(false);
    line?.retire();
  });
});
