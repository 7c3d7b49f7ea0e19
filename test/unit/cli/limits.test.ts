import { describe, expect, it } from 'vitest';
import { parseDeadline } from '../../../src/cli/jobs/limits.ts';

const NOW = new Date(2026, 5, 30, 10, 30);
const MINUTE = 60_000;

describe('a deadline', () => {
  it.each([
    ['11:00', new Date(2026, 5, 30, 11, 0)],
    ['9:00', new Date(2026, 6, 1, 9, 0)],
    ['10:30', new Date(2026, 6, 1, 10, 30)],
    ['2026-07-02T09:00', new Date(2026, 6, 2, 9, 0)],
    ['2026-07-02T09:00:00Z', new Date('2026-07-02T09:00:00Z')],
    ['90m', new Date(NOW.getTime() + 90 * MINUTE)],
    ['1.5 h', new Date(NOW.getTime() + 90 * MINUTE)],
    ['1h30m', new Date(NOW.getTime() + 90 * MINUTE)],
    ['2d', new Date(NOW.getTime() + 2 * 24 * 60 * MINUTE)],
    ['45s', new Date(NOW.getTime() + 45_000)],
  ])('of %s is the next such time', (text, expected) => {
    expect(parseDeadline(text, NOW)).toEqual(expected);
  });

  it.each(['soon', '', '25:00', '9', '2h later', '2026-13-01'])('of %j is refused', (text) => {
    expect(() => parseDeadline(text, NOW)).toThrow(`--by ${JSON.stringify(text)} is no time.`);
  });

  it('in the past is refused', () => {
    expect(() => parseDeadline('2026-06-30T10:29', NOW)).toThrow('is not in the future');
    expect(() => parseDeadline('0s', NOW)).toThrow('is not in the future');
  });
});
