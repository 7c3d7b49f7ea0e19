// Measures how fast images of a bucket are announced: the program's own client and SDK clients, over S3 and SQS of which each response
// takes 25 ms. The bucket has numbered images. Workers and waiter are not part of it. On a busy machine a longer latency gives a better
// ratio of two versions.
//
//     npm run bench:in-place -- [--images 100000] [--latency-ms 25] [--inventory]
//
// With --inventory the images are those of an S3 Inventory, which is in memory.
//
// Prints the wall time, the processor time, the requests, and the peak of the process's memory.
import { hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { ulid } from 'ulid';
import { systemClock } from '../src/app/system-clock.ts';
import { createAwsCloud } from '../src/aws/cloud.ts';
import { createJobClient } from '../src/client/client.ts';
import type { Store } from '../src/core/cloud/ports.ts';
import { askedOf, startSlowAws } from './slow-aws.ts';

const { values: flags } = parseArgs({
  options: {
    images: { type: 'string', default: '100000' },
    'latency-ms': { type: 'string', default: '25' },
    inventory: { type: 'boolean', default: false },
  },
});
const server = await startSlowAws('0', flags.images, flags['latency-ms']);
const cloud = createAwsCloud({ cluster: 'bench', inputBucket: 'input', outputBucket: 'output' });
const inventory = flags.inventory ? inventoryOf(Number(flags.images)) : undefined;
const client = createJobClient({
  cloud,
  clock: systemClock,
  random: Math.random,
  newId: () => ulid(),
  joinController: () => ({ failed: new AbortController().signal, leave: async () => {} }),
  readBucket: (name) => inventory ?? cloud.bucket(name),
  concurrency: 16,
  maxImageBytes: 1e8,
});

const startMs = performance.now();
const startCpu = process.cpuUsage();
const job = await client.submit(
  [flags.inventory ? 's3://inventories/manifest.json' : 's3://pictures/photos/'],
  {
    model: { name: 'bench', version: '1', variant: 'int8', sha256: '0'.repeat(64) },
    topK: 5,
    wait: false,
    onTransient: console.error,
  },
);
const { total = 0 } = await job.submitted;
const seconds = (performance.now() - startMs) / 1000;
const { user, system } = process.cpuUsage(startCpu);
if (total !== Number(flags.images)) throw new Error(`The job has ${total} of ${flags.images} images.`);
const asked = await askedOf(server);
const requests = Object.entries(asked.requests).map(([kind, count]) => `${count} ${kind}`);
const { maxRSS } = process.resourceUsage();
console.log(
  `${total} images in ${seconds.toFixed(1)} s (${Math.round(total / seconds)} images/s), ${((user + system) / 1e6).toFixed(1)} s of a processor, peak ${Math.round(maxRSS / 1024)} MB, at most ${asked.mostAtOnce} requests at once: ${requests.join(', ')}`,
);
server.disconnect();
await client.close();
await cloud.close();

/** A bucket with an inventory of so many images, in one file of CSV. */
function inventoryOf(images: number): Store {
  const rows = Array.from(
    { length: images },
    (_, n) => `"pictures","photos/IMG_${String(n).padStart(9, '0')}.jpg","100000","${hash('md5', `${n}`)}"\n`,
  );
  const file = gzipSync(rows.join(''));
  const manifest = {
    sourceBucket: 'pictures',
    creationTimestamp: '0',
    fileFormat: 'CSV',
    fileSchema: 'Bucket, Key, Size, ETag',
    files: [{ key: 'file', MD5checksum: hash('md5', file) }],
  };
  const objects = new Map([
    ['manifest.json', Buffer.from(JSON.stringify(manifest))],
    ['file', file],
  ]);
  const open = (key: string, { offset = 0, length = file.byteLength } = {}) => {
    const body = objects.get(key)?.subarray(offset, offset + length) ?? Buffer.alloc(0);
    return { info: { etag: '1', bytes: body.byteLength, modifiedAtMs: 0 }, body };
  };
  return {
    bucket: 'inventories',
    head: async (key) => (objects.has(key) ? open(key).info : undefined),
    get: async (key) => open(key),
    async getStream(key, { range } = {}) {
      const { info, body } = open(key, range);
      return { info, body: Readable.from([body]) };
    },
  } satisfies Partial<Store> as unknown as Store;
}
