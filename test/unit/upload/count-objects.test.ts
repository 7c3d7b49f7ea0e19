import { describe, expect, it } from 'vitest';
import type { ObjectInfo, Store } from '../../../src/core/cloud/ports.ts';
import { batchEnd, SMALL_BATCH } from '../../../src/core/job/batches.ts';
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
    expect(counted(times(SMALL_BATCH, SMALL))).toEqual({ puts: 1, gets: 1 });
    expect(counted(times(SMALL_BATCH, LARGE))).toEqual({ puts: SMALL_BATCH, gets: SMALL_BATCH });
    expect(counted([SMALL, LARGE, SMALL, LARGE])).toEqual({ puts: 3, gets: 3 });
  });

  it('are not shared across batches', () => {
    expect(counted(times(1000, SMALL)).puts).toBe(27);
    expect(counted(times(SMALL_BATCH + 1, SMALL)).puts).toBe(2);
    expect(counted([SMALL, ...times(SMALL_BATCH - 1, LARGE), SMALL]).puts).toBe(SMALL_BATCH + 1);
  });

  it('are one each without packing, and for an empty image', () => {
    expect(counted(times(SMALL_BATCH, SMALL), 0).puts).toBe(SMALL_BATCH);
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

  it.each([LIMIT, 32_768])(
    'are as many as a submitter puts, with packs of images below %i bytes',
    async (packBelowBytes) => {
      const clock = virtualClock();
      const sizes = Array.from(
        { length: 700 },
        (_, at) => ((at * 337 * (packBelowBytes / LIMIT)) % (1.5 * packBelowBytes)) | 0,
      );
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
        return {
          index,
          input: { kind: 'bytes', name, source: name, bytes: new Uint8Array(size).fill(index) },
        };
      });
      const options = {
        input,
        clock,
        random: () => 0,
        atOnce: 4,
        maxImageBytes: 100_000,
        reader: new FileReader(clock),
        packBelowBytes,
      };
      for (let from = 0; from < images.length; from = batchEnd(from))
        await storeGroup(images.slice(from, batchEnd(from)), options);
      expect(counted(sizes, packBelowBytes).puts).toBe(puts);
    },
  );
});
