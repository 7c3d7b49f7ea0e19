/** Sends the time of day whenever it is told to. */
import { createLocalCloud } from '../../../src/local/cloud.ts';

const [dataDir = '', queueName = ''] = process.argv.slice(2);
const cloud = createLocalCloud({ dataDir, cluster: 'test' });
const queue = cloud.queues.open(queueName);
process.on('message', () => void queue.send([{ body: String(performance.timeOrigin + performance.now()) }]));
process.send?.('ready');
