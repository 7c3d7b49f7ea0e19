import { describe, expect, it } from 'vitest';
import { smallText, tookText } from '../../../src/cli/jobs/wait.ts';
import { measured, progressText } from '../../../src/cli/terminal/progress.ts';

describe('the progress line', () => {
  it('says what is waited for before there is a first label', () => {
    expect(progressText({ done: 0, before: 0, total: undefined, errors: 0, stored: 12 }, 500)).toBe(
      '12 images stored',
    );
    expect(progressText({ done: 0, before: 0, total: 20, errors: 0, stored: 20 }, 500)).toBe(
      '20 images stored, waiting for the first label',
    );
  });
  it('gives rate and time left from what was measured', () => {
    const text = progressText({ done: 100, before: 0, total: 1000, errors: 0, stored: 1000 }, 2000);
    expect(text).toBe('100 of 1000 images, 50.0 images/s, 18 s left');
  });
  it('promises no time while it does not know how many images there are', () => {
    const text = progressText({ done: 100, before: 0, total: undefined, errors: 3, stored: 160 }, 2000);
    expect(text).toBe('100 of 160+ images, 50.0 images/s, 3 errors');
  });
  it("counts nobody else's work for the rate", () => {
    const numbers = { before: 190, total: 200, errors: 1, stored: 0 };
    expect(progressText({ done: 190, ...numbers }, 1000)).toBe('190 of 200 images, 1 error');
    expect(progressText({ done: 195, ...numbers }, 1000)).toBe(
      '195 of 200 images, 5.0 images/s, 1 s left, 1 error',
    );
  });
});

describe('what a job took', () => {
  it.each([
    [0, '0.0 s'],
    [1010, '1.0 s'],
    [9940, '9.9 s'],
    [9960, '10 s'],
    [10_400, '10 s'],
    [240_000, '4 min'],
  ])('is %i ms as %s', (ms, text) => {
    expect(measured(ms)).toBe(text);
  });
  it('is said with the rate of what was classified meanwhile, and not at all where nothing was', () => {
    expect(tookText(11, 1010)).toBe(' in 1.0 s (10.9 images/s)');
    expect(tookText(0, 40)).toBe('');
  });
});

describe('the warning of small images', () => {
  it.each([
    [1, '1 image has fewer than 96 pixels on its shorter side: its label is little more than a guess.'],
    [
      200,
      '200 images have fewer than 96 pixels on their shorter side: their labels are little more than guesses.',
    ],
  ])('counts %i', (images, text) => {
    expect(smallText(images)).toBe(text);
  });
});
