import { describe, expect, it } from 'vitest';
import { ImgclsError } from '../../../src/core/runtime/errors.ts';
import { forEachCollectingErrors } from '../../../src/results/for-each-collecting-errors.ts';

describe('items that are acted on one by one', () => {
  const failing = (kind: 'transient' | 'permanent') => {
    const done: number[] = [];
    const end = forEachCollectingErrors([1, 2, 3], async (item) => {
      if (item < 3) throw new ImgclsError(kind, `No ${item}.`);
      done.push(item);
    });
    return { done, end };
  };

  it('all have their turn though some cannot be helped, and the first error is told', async () => {
    const { done, end } = failing('permanent');
    await expect(end).rejects.toThrow('No 1.');
    expect(done).toEqual([3]);
  });

  it('wait for better times while the world is in trouble', async () => {
    const { done, end } = failing('transient');
    await expect(end).rejects.toThrow('No 1.');
    expect(done).toEqual([]);
  });
});
