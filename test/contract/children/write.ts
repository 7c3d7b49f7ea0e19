/** Writes, replaces and deletes objects and sends messages until it is killed; reports each completed write. */
import { Readable } from 'node:stream';
import { createLocalCloud } from '../../../src/local/cloud.ts';
import { sealedBody } from '../sealed-body.ts';

const [dataDir = '', queueName = '', writer = ''] = process.argv.slice(2);
const cloud = createLocalCloud({ dataDir, cluster: 'test' });
const queue = cloud.queues.open(queueName);
const sizes = [10, 2_000, 30_000, 60_000, 200_000];

async function write(writerIndex: number): Promise<never> {
  for (let n = 0; ; n++) {
    const size = sizes[(n + writerIndex) % sizes.length] ?? 0;
    const body = sealedBody(size);
    const key = `${writer}/${writerIndex}/${n}`;
    const streamed = { bytes: body.byteLength, open: () => Readable.from([body], { objectMode: false }) };
    await cloud.output.put(key, n % 2 === 0 ? body : streamed, { only: 'absent' });
    await queue.send([{ body: key }]);
    process.send?.(key);
    await cloud.output.put(`shared/${n % 7}`, sealedBody(size));
    if (n % 5 === 4) await cloud.output.delete([`shared/${writerIndex}`]);
  }
}

await Promise.all([0, 1, 2].map(write));
