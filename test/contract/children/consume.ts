/**
 * Receives and acknowledges one message after the other until it gets "stop", then reports the bodies. Before, it tells when
 * it has had as many as its last argument says.
 */
import { createLocalCloud } from '../../../src/local/cloud.ts';

const [dataDir = '', queueName = '', many = ''] = process.argv.slice(2);
const cloud = createLocalCloud({ dataDir, cluster: 'test' });
const queue = cloud.queues.open(queueName);
const stop = new AbortController();
const bodies: string[] = [];
process.on('message', (command) => {
  if (command === 'go') void consume();
  else stop.abort();
});
process.send?.('ready');

async function consume(): Promise<void> {
  while (!stop.signal.aborted) {
    const got = await queue.receive({ max: 1, waitMs: 20_000, leaseMs: 60_000, signal: stop.signal });
    await queue.delete(got.map(({ receipt }) => receipt));
    bodies.push(...got.map(({ body }) => body));
    if (got.length > 0 && bodies.length === Number(many)) process.send?.('has had many');
  }
  process.send?.(bodies);
  await cloud.close();
  process.disconnect();
}
