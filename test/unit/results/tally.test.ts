import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../../src/core/model/outcome.ts';
import { better, Tally } from '../../../src/results/tally.ts';

const range = (first: number, last: number, attempt = 1) => ({ attempt, first, last });

function drain(tally: Tally): number[] {
  const indexes: number[] = [];
  for (let shard = tally.take(); shard !== undefined; shard = tally.take()) {
    for (let index = shard.from; index <= shard.range.last; index++) indexes.push(index);
  }
  return indexes;
}

describe('the tally of a job', () => {
  it('takes shards in input order, in whatever order they were added', () => {
    const tally = new Tally();
    tally.add(range(16, 31));
    expect(tally.take()).toBeUndefined();
    tally.add(range(0, 15));
    expect(drain(tally)).toEqual(Array.from({ length: 32 }, (_, index) => index));
    expect(tally.frontier).toBe(32);
  });

  it('counts an image once although its response arrived twice', () => {
    const tally = new Tally();
    expect(tally.add(range(0, 15))).toBe(true);
    expect(tally.add(range(0, 15))).toBe(false);
    expect(tally.covered).toBe(16);
    drain(tally);
    expect(tally.add(range(0, 15))).toBe(false);
    expect(tally.covered).toBe(16);
  });

  it('drops outcomes above its memory limit, and leaves them undefined', () => {
    const tally = new Tally();
    const many = Array.from({ length: 4096 }, (_, index) => ({ index: index + 16 }) as Outcome);
    tally.add(range(16, 4111), many);
    tally.add(range(0, 15), many.slice(0, 16));
    expect(tally.take()?.outcomes).toBeUndefined();
    expect(tally.take()?.outcomes).toHaveLength(4096);
    tally.add(range(4112, 4113), many.slice(0, 2));
    expect(tally.take()?.outcomes).toHaveLength(2);
  });

  it('takes every index once and in order, for any overlapping shards in any order', () => {
    const cover = fc.array(
      fc.tuple(fc.nat(200), fc.nat(20)).map(([first, length]) => range(first, Math.min(first + length, 220))),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(cover, fc.boolean(), (shards, drainBetween) => {
        const tally = new Tally();
        const given: number[] = [];
        // A last shard over everything makes every cover whole.
        for (const shard of [...shards, range(0, 220)]) {
          tally.add(shard);
          if (drainBetween) given.push(...drain(tally));
        }
        given.push(...drain(tally));
        expect(given).toEqual(Array.from({ length: 221 }, (_, index) => index));
        expect(tally.covered).toBe(221);
      }),
    );
  });
});

describe('of two outcomes of one image', () => {
  const prediction: Outcome = {
    v: 1,
    index: 0,
    name: 'a',
    labels: [{ wnid: 'n', label: 'cat', score: 1 }],
    ms: 1,
    model: 'm',
  };
  const error: Outcome = { v: 1, index: 0, name: 'a', error: { code: 'deadline', message: '' } };
  const ranked = (outcome: Outcome, first: number, last: number, attempt = 1) => ({
    outcome,
    range: range(first, last, attempt),
  });

  it('the later attempt wins, even with an error', () => {
    const late = ranked(error, 0, 15, 2);
    expect(better(ranked(prediction, 0, 15), late)).toBe(late);
  });
  it('a prediction wins over an error', () => {
    const good = ranked(prediction, 0, 15);
    expect(better(ranked(error, 0, 0), good)).toBe(good);
  });
  it('the narrower shard wins', () => {
    const narrow = ranked(prediction, 0, 0);
    expect(better(ranked(prediction, 0, 15), narrow)).toBe(narrow);
  });
});
