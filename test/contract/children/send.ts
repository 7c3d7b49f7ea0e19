/** Sends a message with the current time for each message from its parent. */
import { createLocalCloud } from '../../../src/local/cloud.ts';

const [dataDir = '', queueName = ''] = process.argv.slice(2);
const cloud = createLocalCloud({ dataDir, cluster: 'test' });
const queue = cloud.queues.open(queueName);
process.on('message', () => void queue.send([{ body: String(performance.timeOrigin + performance.now()) }]));
process.send?.('ready');
