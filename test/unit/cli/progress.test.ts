import { describe, expect, it } from 'vitest';
import { timedOutText, tookText } from '../../../src/cli/jobs/wait.ts';
import { measured, progressText } from '../../../src/cli/terminal/progress.ts';

describe('the progress line', () => {
  it('counts submitted images until there is a first label', () => {
    expect(progressText({ done: 0, before: 0, total: undefined, errors: 0, stored: 12 }, 500)).toBe(
      '12 images submitted',
    );
    expect(progressText({ done: 0, before: 0, total: 20, errors: 0, stored: 20 }, 500)).toBe(
      '20 images submitted, waiting for the first label',
    );
  });
  it('shows the measured rate and the time left', () => {
    const text = progressText({ done: 100, before: 0, total: 1000, errors: 0, stored: 1000 }, 2000);
    expect(text).toBe('100 of 1000 images, 50.0 images/s, 18 s left');
  });
  it('shows no time left while the number of images is unknown', () => {
    const text = progressText({ done: 100, before: 0, total: undefined, errors: 3, stored: 160 }, 2000);
    expect(text).toBe('100 of 160+ images, 50.0 images/s, 3 errors');
  });
  it('leaves images that were done before out of the rate', () => {
    const numbers = { before: 190, total: 200, errors: 1, stored: 0 };
    expect(progressText({ done: 190, ...numbers }, 1000)).toBe('190 of 200 images, 1 error');
    expect(progressText({ done: 195, ...numbers }, 1000)).toBe(
      '195 of 200 images, 5.0 images/s, 1 s left, 1 error',
    );
  });
});

describe('the time of a job', () => {
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
  it('has the rate of the images classified meanwhile, and is absent if there are none', () => {
    expect(tookText(11, 1010)).toBe(' in 1.0 s (10.9 images/s)');
    expect(tookText(0, 40)).toBe('');
  });
});

describe('the message of a timeout', () => {
  it('counts the images that are done', () => {
    expect(timedOutText(60_000, { done: 12, total: 40 })).toBe(
      'Timed out after 60 s: 12 of 40 images are done.',
    );
    expect(timedOutText(500, { done: 0, total: undefined })).toBe('Timed out after 1 s: 0 images are done.');
  });
});
