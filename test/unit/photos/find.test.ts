import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatDigests,
  formatRecords,
  formatTexts,
  parseRecords,
  parseTexts,
} from '../../../src/photos/find/piece.ts';
import { hasWords } from '../../../src/photos/find/words.ts';

describe('words', () => {
  it.each([
    ['dogs', 'African hunting dog'],
    ['Foxes', 'red fox'],
    ['puppies', 'puppy'],
    ['wolves', 'timber wolf'],
    ['knives', 'knife'],
    ['buses', 'bus'],
    ['houses', 'house'],
    ['glass', 'glasses'],
    ['ÉCLAIR', 'éclair au chocolat'],
    ['flat coated', 'flat-coated retriever'],
  ])('%s are in the label %s', (typed, label) => {
    expect(hasWords([typed])(label)).toBe(true);
  });
  it.each([
    ['dog', 'dogsled'],
    ['cat', 'catamaran'],
    ['bas', 'bass'],
    ['golden cat', 'golden retriever'],
  ])('%s is not in the label %s', (typed, label) => {
    expect(hasWords([typed])(label)).toBe(false);
  });
});

describe('a piece of the search index', () => {
  const photograph = fc.record({
    place: fc.record({
      kind: fc.constantFrom('file', 'object', 'upload'),
      at: fc.string({ unit: 'grapheme' }),
    }),
    index: fc.nat(),
    number: fc.maxSafeNat(),
    bytes: fc.nat(),
    sha256: fc.option(fc.stringMatching(/^[0-9a-f]{64}$/), { nil: undefined }),
    labels: fc.array(fc.record({ label: fc.nat(30_000), score: fc.float({ min: 0, max: 1, noNaN: true }) })),
  });
  it('has all that it was made of', () => {
    fc.assert(
      fc.property(fc.array(photograph), (photographs) => {
        const {
          photographs: numbers,
          ofPhotograph,
          labels,
          scores,
        } = parseRecords(formatRecords(photographs));
        expect([...numbers]).toEqual(photographs.map(({ number }) => number));
        const records = [...labels].map((label, at) => ({ of: ofPhotograph[at], label, score: scores[at] }));
        expect(records).toEqual(
          photographs.flatMap(({ labels: own }, of) => own.map(({ label, score }) => ({ of, label, score }))),
        );
        expect(parseTexts(formatTexts(photographs))).toEqual(
          photographs.map(({ place, index, bytes }) => ({ place, index, bytes })),
        );
        const digests = Buffer.from(formatDigests(photographs)).toString('hex');
        expect(digests).toBe(
          photographs.map(({ sha256 }) => sha256?.slice(0, 32) ?? '0'.repeat(32)).join(''),
        );
      }),
      { numRuns: 30 },
    );
  });
});
