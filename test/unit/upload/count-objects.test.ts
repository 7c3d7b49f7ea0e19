import { describe, expect, it } from 'vitest';
import type { ObjectInfo, Store } from '../../../src/core/cloud/ports.ts';
import { MAX_BATCH } from '../../../src/core/job/messages.ts';
import { Budget } from '../../../src/core/runtime/budget.ts';
import { ObjectCount } from '../../../src/upload/count-objects.ts';
import { FileReader } from '../../../src/upload/file-reader.ts';
import type { Input } from '../../../src/upload/inputs.ts';
import { storeGroup } from '../../../src/upload/store-group.ts';
import { virtualClock } from '../virtual-clock.ts';

const LIMIT = 1000;
const SMALL = 999;
const LARGE = 1000;

function counted(sizes: readonly number[], packBelowBytes = LIMIT) {
  const count = new ObjectCount(packBelowBytes);
  for (const bytes of sizes) count.addStored(bytes);
  return { puts: count.puts, gets: count.gets };
}
const times = (count: number, bytes: number): number[] => Array.from({ length: count }, () => bytes);

describe('the objects of a job', () => {
  it('are one for all small images of a batch, and one for each larger one', () => {
    expect(counted(times(MAX_BATCH, SMALL))).toEqual({ puts: 1, gets: 1 });
    expect(counted(times(MAX_BATCH, LARGE))).toEqual({ puts: MAX_BATCH, gets: MAX_BATCH });
    expect(counted([SMALL, LARGE, SMALL, LARGE])).toEqual({ puts: 3, gets: 3 });
  });

  it('are not shared across batches', () => {
    expect(counted(times(10 * MAX_BATCH, SMALL)).puts).toBe(10);
    expect(counted(times(MAX_BATCH + 1, SMALL)).puts).toBe(2);
    expect(counted([SMALL, ...times(MAX_BATCH - 1, LARGE), SMALL]).puts).toBe(MAX_BATCH + 1);
  });

  it('are one each without packing, and for an empty image', () => {
    expect(counted(times(MAX_BATCH, SMALL), 0).puts).toBe(MAX_BATCH);
    expect(counted([0, 0, SMALL, SMALL]).puts).toBe(3);
  });

  it('are only read if they are in a bucket, and neither read nor put if they failed; both count in their batch', () => {
    const count = new ObjectCount(LIMIT);
    count.addStored(SMALL);
    for (let place = 0; place < 10; place++) count.addInPlace();
    for (let place = 0; place < 5; place++) count.addFailed();
    expect({ puts: count.puts, gets: count.gets }).toEqual({ puts: 1, gets: 11 });
    count.addStored(SMALL);
    expect({ puts: count.puts, gets: count.gets }, 'the next batch').toEqual({ puts: 2, gets: 12 });
  });

  it('are as many as a submitter puts', async () => {
    const clock = virtualClock();
    const sizes = Array.from({ length: 40 }, (_, at) => (at * 337) % 1500);
    let puts = 0;
    const input = {
      bucket: 'memory',
      head: async () => undefined,
      put: async () => {
        puts++;
        return {} as ObjectInfo;
      },
    } as unknown as Store;
    const images = sizes.map((size, index): { index: number; input: Input } => {
      const name = String(index);
      return { index, input: { kind: 'bytes', name, source: name, bytes: new Uint8Array(size).fill(index) } };
    });
    const { signal } = new AbortController();
    const options = {
      input,
      clock,
      random: () => 0,
      signal,
      slots: new Budget(4),
      maxImageBytes: 2000,
      reader: new FileReader(clock),
      packBelowBytes: LIMIT,
    };
    for (let from = 0; from < images.length; from += MAX_BATCH)
      await storeGroup(images.slice(from, from + MAX_BATCH), options);
    expect(counted(sizes).puts).toBe(puts);
  });
});
