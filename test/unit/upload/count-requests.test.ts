import { describe, expect, it } from 'vitest';
import type { ObjectInfo, Store } from '../../../src/core/cloud/ports.ts';
import { batchCount, batchEnd, PACKED_BELOW_BYTES, SMALL_BATCH } from '../../../src/core/job/batches.ts';
import { quoteRequests } from '../../../src/scaler/quote.ts';
import { RequestCount } from '../../../src/upload/count-requests.ts';
import { FileReader } from '../../../src/upload/file-reader.ts';
import type { Input } from '../../../src/upload/inputs.ts';
import { partCount } from '../../../src/upload/plan.ts';
import { storeGroup } from '../../../src/upload/store-group.ts';
import { virtualClock } from '../virtual-clock.ts';
import { noFetcher } from './no-fetcher.ts';

const LIMIT = 1000;
const SMALL = 999;
const LARGE = 1000;

/** The requests for objects, without those for batches and for the job. */
function objectsOf(count: RequestCount, images: number) {
  const { s3Put, s3Get } = count.counts;
  return {
    puts: s3Put - batchCount(images) - 2 * partCount(images) - 4,
    gets: s3Get - batchCount(images) - 1,
  };
}

function counted(sizes: readonly number[], packBelowBytes = LIMIT) {
  const count = new RequestCount(packBelowBytes);
  for (const bytes of sizes) count.addStored(bytes);
  return objectsOf(count, sizes.length);
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
    const count = new RequestCount(LIMIT);
    count.addStored(SMALL);
    for (let place = 0; place < 10; place++) count.addInPlace();
    for (let place = 0; place < 5; place++) count.addFailed();
    expect(objectsOf(count, 16)).toEqual({ puts: 1, gets: 11 });
    count.addStored(SMALL);
    expect(objectsOf(count, 17), 'the next batch').toEqual({ puts: 2, gets: 12 });
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
        fetcher: noFetcher,
        packBelowBytes,
      };
      for (let from = 0; from < images.length; from = batchEnd(from))
        await storeGroup(images.slice(from, batchEnd(from)), options);
      expect(counted(sizes, packBelowBytes).puts).toBe(puts);
    },
  );

  it('of a million photographs of 100 KB cost less than 20 cents, with all that a job writes and says', () => {
    const count = new RequestCount(PACKED_BELOW_BYTES.aws);
    for (let image = 0; image < 1_000_000; image++) count.addStored(100_000);
    const { usd, ...counts } = quoteRequests(count.counts);
    const batches = batchCount(1_000_000);
    expect(counts).toEqual({
      s3Put: 2 * batches + 2 * partCount(1_000_000) + 4,
      s3Get: 3 * batches - 999,
      sqs: 3 * batches + 3000,
    });
    expect(usd).toBeLessThan(0.21);
  });
});
