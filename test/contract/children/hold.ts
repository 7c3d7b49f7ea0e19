/** Receives a message, extends its lease to twelve hours, tells of it, and never ends by itself. */
import { createLocalCloud } from '../../../src/local/cloud.ts';
import { processesOfThisMachine } from '../../../src/scaler/drivers/processes.ts';

const [dataDir = '', queueName = ''] = process.argv.slice(2);
const cloud = createLocalCloud({ dataDir, cluster: 'test', processes: processesOfThisMachine() });
const queue = cloud.queues.open(queueName);
const received = await queue.receive({ max: 10, waitMs: 20_000, leaseMs: 60_000 });
await queue.extend(
  received.map(({ receipt }) => receipt),
  12 * 3_600_000,
);
process.send?.(received.length);
setInterval(() => {}, 60_000);
