import { describe, expect, it } from 'vitest';
import { ImgclsError } from '../../../src/core/runtime/errors.ts';
import { forEachCollectingErrors } from '../../../src/results/for-each-collecting-errors.ts';

describe('items that are processed one by one', () => {
  const failing = (kind: 'transient' | 'permanent') => {
    const done: number[] = [];
    const end = forEachCollectingErrors([1, 2, 3], async (item) => {
      if (item < 3) throw new ImgclsError(kind, `No ${item}.`);
      done.push(item);
    });
    return { done, end };
  };

  it('are all processed although some fail, and the first error is thrown', async () => {
    const { done, end } = failing('permanent');
    await expect(end).rejects.toThrow('No 1.');
    expect(done).toEqual([3]);
  });

  it('stop at a transient error', async () => {
    const { done, end } = failing('transient');
    await expect(end).rejects.toThrow('No 1.');
    expect(done).toEqual([]);
  });
});
