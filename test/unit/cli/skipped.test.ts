import { describe, expect, it } from 'vitest';
import { SkippedFiles } from '../../../src/cli/photos/skipped-files.ts';
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

it('says why tag and sort skip files in plain words, even if others wrote some of them', () => {
  const skipped = new SkippedFiles();
  skipped.add('a, b.jpg', 'its sidecar has a "subject", and \u001b[2J');
  expect(skipped.texts()).toEqual(['Skipped "a, b.jpg": its sidecar has a "subject", and \\u001b[2J.']);
});
