import { describe, expect, it } from 'vitest';
import type { ErrorCode, Outcome } from '../../src/core/model/outcome.ts';
import { type Expected, type Found, violations } from './checker.ts';

const expected: Expected[] = [
  { name: 'a.jpg', result: { label: 'cat' } },
  { name: 'b, c.jpg', result: { code: 'truncated' } },
];
const prediction = (index: number, name: string, label: string): Outcome => ({
  v: 1,
  index,
  name,
  model: 'm/int8',
  ms: 1,
  labels: [{ wnid: 'n', label, score: 1 }],
});
const failed = (index: number, name: string, code: ErrorCode): Outcome => ({
  v: 1,
  index,
  name,
  error: { code, message: 'why' },
});
const ledger = [prediction(0, 'a.jpg', 'cat'), failed(1, 'b, c.jpg', 'truncated')];
const json = (label = 'cat') =>
  `{"index":0,"name":"a.jpg","label":"${label}"}\n{"index":1,"name":"b, c.jpg","error":{"code":"truncated"}}\n`;
const right: Found = {
  ledger,
  raw: ledger.map((outcome) => ({ attempt: 1, outcome })),
  json: json(),
  lines: 'a.jpg, cat\n"b, c.jpg", error: truncated\n',
  printed: 'a.jpg, cat\n"b, c.jpg", error: truncated\n',
};

describe('the checker of fault runs', () => {
  it('finds nothing where nothing is wrong', () => {
    expect(violations(expected, right)).toEqual([]);
  });

  it.each<[string, Partial<Found>, RegExp]>([
    ['an image without outcome', { ledger: ledger.slice(1) }, /^lost: image 0/],
    ['an image with two outcomes', { ledger: [...ledger, ledger[1] as Outcome] }, /^doubled: image 1/],
    [
      'another name',
      { ledger: [prediction(0, 'A.jpg', 'cat'), ledger[1] as Outcome] },
      /^wrong name: image 0/,
    ],
    [
      'another label',
      { ledger: [prediction(0, 'a.jpg', 'dog'), ledger[1] as Outcome] },
      /^wrong outcome: image 0/,
    ],
    [
      'another code',
      { ledger: [ledger[0] as Outcome, failed(1, 'b, c.jpg', 'deadline')] },
      /^wrong outcome: image 1/,
    ],
    [
      'an image that nobody submitted',
      { ledger: [...ledger, prediction(2, 'x', 'y')] },
      /^invented: .* image 2/,
    ],
    [
      'two labels in the raw ledger',
      { raw: [...right.raw, { attempt: 1, outcome: prediction(0, 'a.jpg', 'dog') }] },
      /^doubled/,
    ],
    ['JSON that disagrees', { json: json('dog') }, /^disagreement: the JSON/],
    [
      'a terminal that disagrees',
      { printed: 'a.jpg, dog\n"b, c.jpg", error: truncated\n' },
      /^disagreement: the terminal/,
    ],
    ['lines that disagree', { lines: 'a.jpg, cat\n' }, /^disagreement: the output of "results"/],
    ['a line too many', { printed: `${right.printed}a.jpg, cat\n` }, /says more/],
  ])('finds %s', (_, change, message) => {
    expect(violations(expected, { ...right, ...change })).toEqual(
      expect.arrayContaining([expect.stringMatching(message)]),
    );
  });

  it('finds two errors in the raw ledger that differ', () => {
    const raw = [...right.raw, { attempt: 1, outcome: failed(1, 'b, c.jpg', 'too_large') }];
    expect(violations(expected, { ...right, raw })).toEqual([expect.stringMatching(/^doubled: image 1/)]);
  });

  it('accepts a dead letter beside a prediction of the same image, which wins', () => {
    const raw = [...right.raw, { attempt: 1, outcome: failed(0, 'a.jpg', 'deadline') }];
    expect(violations(expected, { ...right, raw })).toEqual([]);
  });
});
