import { describe, expect, it } from 'vitest';
import { binaryByteSize, byteSize } from '../../../src/core/text/byte-size.ts';
import { duration } from '../../../src/core/text/duration.ts';
import { logLineText } from '../../../src/core/text/log-line-text.ts';
import { pluralize } from '../../../src/core/text/pluralize.ts';
import { damageText, WarningCounts, warningText } from '../../../src/core/text/warning-text.ts';
import { counted, number } from '../../../src/web/page/format.ts';

describe('a duration', () => {
  it.each([
    [0, '0 s'],
    [900, '1 s'],
    [119_000, '119 s'],
    [240_000, '4 min'],
    [7_500_000, '2 h 5 min'],
  ])('of %i ms is %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
});

describe('a size', () => {
  it.each([
    [0, '0 B', '0 B'],
    [812, '812 B', '812 B'],
    [1_600_000, '1.6 MB', '1.5 MiB'],
    [8 * 1024 ** 2, '8.4 MB', '8 MiB'],
    [64 * 1024 ** 2, '67 MB', '64 MiB'],
    [999_600, '1.0 MB', '976 KiB'],
    [16 * 1024 ** 3, '17 GB', '16 GiB'],
    [5e15, '5000 TB', '4547 TiB'],
  ])('of %i bytes is %s in the terminal and %s on the page', (bytes, decimal, binary) => {
    expect([byteSize(bytes), binaryByteSize(bytes)]).toEqual([decimal, binary]);
  });
});

describe('a count', () => {
  it('takes the plural unless it is one', () => {
    expect([0, 1, 2].map((count) => pluralize(count, 'image'))).toEqual(['0 images', '1 image', '2 images']);
  });
  it('has its digits grouped on the page alone', () => {
    expect([pluralize(2000, 'image'), counted(2000, 'image')]).toEqual(['2000 images', '2,000 images']);
  });
});

describe('a warning', () => {
  it('says of one image what is wrong with its label, and how much of a damaged image is left', () => {
    expect(warningText('uniform', undefined)).toBe('The image has one colour: its label is unreliable.');
    expect(warningText('damaged', 0.7)).toBe(
      'The image is damaged: its label comes from the part that could be decoded. 70 % of its rows could be decoded.',
    );
    expect(damageText(undefined)).toBe('A part of its data is wrong.');
  });

  it('counts the images of a job, the worst first, in whatever order they came', () => {
    const counts = new WarningCounts();
    for (let image = 0; image < 1200; image++) counts.add('low_resolution');
    counts.add('damaged');
    expect(counts.texts()).toEqual([
      '1 image is damaged: its label comes from the part that could be decoded.',
      '1200 images have fewer than 96 pixels on their shorter side: their labels are unreliable.',
    ]);
    expect(counts.texts(number)[1]).toMatch(/^1,200 images/);
    expect(new WarningCounts().texts()).toEqual([]);
  });
});

describe('a line of the log', () => {
  it('is a sentence with its facts, and cannot steer the terminal', () => {
    const line = {
      time: '2026-11-30T12:34:56.000Z',
      level: 'info',
      pid: 1,
      cluster: 'default',
      msg: 'Worker ready.',
    };
    expect(logLineText({ ...line, worker: 'w\u001b', ms: 12 })).toMatch(
      /^\d\d:\d\d:\d\d Worker ready\. \(worker: w\\u001b, ms: 12\)$/,
    );
    expect(
      logLineText({ ...line, level: 'error', msg: 'Worker failed.', error: { message: 'No disk.' } }),
    ).toMatch(/ error: Worker failed\. No disk\.$/);
  });
});
