/** A model runner of a machine on which the runtime cannot load the model: it answers as src/model/runner-main.ts does then. */
import type { RunnerMessage, RunnerReply } from '../../../src/core/model/runner-protocol.ts';

const rssBytes = process.memoryUsage.rss();
const reply = (message: RunnerReply) => process.send?.(message);

process.on('disconnect', () => process.exit());
process.on('message', (message: RunnerMessage) => {
  if ('preload' in message) return;
  const reason = 'Failed to allocate memory for requested buffer of size 102400000';
  reply({ type: 'failed', id: message.id, message: reason, rssBytes });
});
reply({ type: 'ready', rssBytes });
