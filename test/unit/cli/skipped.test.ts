import { describe, expect, it } from 'vitest';
import { skippedText } from '../../../src/cli/terminal/skipped.ts';
import { OTHER_NAME } from '../../../src/upload/walk.ts';

describe('the notice of skipped inputs', () => {
  it.each([
    [OTHER_NAME, 1, ['README.md'], 'Skipped 1 file that is not an image (README.md).'],
    [
      OTHER_NAME,
      2,
      ['README.md', 'expected.json'],
      'Skipped 2 files that are not images (README.md, expected.json).',
    ],
    [OTHER_NAME, 12, ['a', 'b', 'c'], 'Skipped 12 files that are not images (a, b, c and 9 more).'],
    ['permission denied', 2, ['a', 'b'], 'Skipped a, b: permission denied.'],
    ['permission denied', 3, ['a\u001b[2J,b'], 'Skipped "a\\u001b[2J,b" and 2 more: permission denied.'],
  ])('of reason "%s", %i times', (reason, count, names, text) => {
    expect(skippedText(reason, { count, names })).toBe(text);
  });
});
