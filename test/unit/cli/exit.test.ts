import { describe, expect, it } from 'vitest';
import { exitCodeOf, explain, InterruptedError } from '../../../src/cli/terminal/exit.ts';
import { ImgclsError } from '../../../src/core/runtime/errors.ts';

const closedPipe = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });

describe('what a failure says to the shell', () => {
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

  it('names the thing and the way out, and no stack', () => {
    expect(explain(new ImgclsError('usage', 'No such job.', { hint: 'List them.' }))).toBe(
      'imgcls: No such job.\n  List them.',
    );
  });

  it('is silent when the reader of our output has seen enough', () => {
    expect(explain(closedPipe)).toBe('');
  });
});
