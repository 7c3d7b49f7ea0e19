import { PassThrough } from 'node:stream';
import { WriteStream } from 'node:tty';
import { describe, expect, it, vi } from 'vitest';
import { exitCodeOf, explain, InterruptedError } from '../../../src/cli/terminal/exit.ts';
import { ImgclsError } from '../../../src/core/runtime/errors.ts';

const closedPipe = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });

describe('an error on the terminal', () => {
  it.each([
    [new ImgclsError('usage', 'x'), 2],
    [new ImgclsError('config', 'x'), 2],
    [new ImgclsError('transient', 'x'), 1],
    [new Error('x'), 1],
    [new InterruptedError('later'), 130],
    [closedPipe, 0],
  ])('%s is exit code %i', (error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });

  it('has a message and a hint, and no stack', () => {
    expect(explain(new ImgclsError('usage', 'No such job.', { hint: 'List them.' }))).toBe(
      'error: No such job.\nhint: List them.',
    );
  });

  it('aligns the further lines of a hint', () => {
    const error = new ImgclsError('usage', 'x', { hint: 'First.\nSecond.' });
    expect(explain(error)).toBe('error: x\nhint: First.\n      Second.');
  });

  it('has no label for an interrupt', () => {
    expect(explain(new InterruptedError('Continue later.'))).toBe('Interrupted.\nhint: Continue later.');
  });

  it('escapes control characters of names', () => {
    expect(explain(new ImgclsError('usage', 'No \u001b[2J.'))).toBe('error: No \\u001b[2J.');
  });

  const error = new ImgclsError('usage', 'x', { hint: 'y' });
  it.each([
    ['a terminal', {}, true, '\u001b[31merror:\u001b[39m x\n\u001b[2mhint:\u001b[22m y'],
    ['a pipe', {}, false, 'error: x\nhint: y'],
    ['a terminal with NO_COLOR', { NO_COLOR: '1' }, true, 'error: x\nhint: y'],
    ['a dumb terminal', { TERM: 'dumb' }, true, 'error: x\nhint: y'],
  ])('on %s has colours only where they are shown', (_, env, isTerminal, text) => {
    for (const name of ['FORCE_COLOR', 'NO_COLOR', 'NODE_DISABLE_COLORS', 'CI']) vi.stubEnv(name, undefined);
    vi.stubEnv('TERM', 'xterm-256color');
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    const stream = Object.assign(new PassThrough(), {
      isTTY: isTerminal,
      getColorDepth: () => WriteStream.prototype.getColorDepth(process.env),
    });
    expect(explain(error, stream)).toBe(text);
    vi.unstubAllEnvs();
  });

  it('is silent for a closed pipe', () => {
    expect(explain(closedPipe)).toBe('');
  });
});
