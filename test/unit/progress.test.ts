import { describe, expect, it } from 'vitest';
import { duration, progressText } from '../../src/cli/progress.ts';

describe('the progress line', () => {
  it('says what is waited for before there is a first label', () => {
    expect(progressText({ done: 0, total: undefined, errors: 0, stored: 12 }, 500)).toBe('12 images stored');
    expect(progressText({ done: 0, total: 20, errors: 0, stored: 20 }, 500)).toBe(
      '20 images stored, waiting for the first label',
    );
  });
  it('gives rate and time left from what was measured', () => {
    const text = progressText({ done: 100, total: 1000, errors: 0, stored: 1000 }, 2000);
    expect(text).toBe('100 of 1000 images, 50.0 images/s, 18 s left');
  });
  it('promises no time while it does not know how many images there are', () => {
    const text = progressText({ done: 100, total: undefined, errors: 3, stored: 160 }, 2000);
    expect(text).toBe('100 of 160+ images, 50.0 images/s, 3 errors');
  });
  it.each([
    [900, '1 s'],
    [119_000, '119 s'],
    [240_000, '4 min'],
    [7_500_000, '2 h 5 min'],
  ])('writes %i ms as %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
});
