/** A model runner that answers at once without a model, for measuring everything else. */
import type { ImageResult } from '../../src/core/model/outcome.ts';
import type { RunnerMessage, RunnerReply } from '../../src/core/model/runner-protocol.ts';

const reply = (message: RunnerReply) => process.send?.(message);
const rssBytes = process.memoryUsage.rss();
const result: ImageResult = { labels: [{ wnid: 'n00000000', label: 'nothing', score: 1 }], ms: 0 };

process.on('disconnect', () => process.exit());
process.on('message', (message: RunnerMessage) => {
  if ('preload' in message) return;
  const { id, images } = message;
  reply({ type: 'results', id, results: images.map(() => result), rssBytes });
});
reply({ type: 'ready', rssBytes });
