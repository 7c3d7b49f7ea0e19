/** A model runner that reads and checks its images and answers without a model, for measuring everything else. */
import type { ImageResult } from '../../src/core/model/outcome.ts';
import type { RunnerMessage, RunnerReply } from '../../src/core/model/runner-protocol.ts';
import { readEncoded } from '../../src/model/read-encoded.ts';

const reply = (message: RunnerReply) => process.send?.(message);
const rssBytes = process.memoryUsage.rss();
const result: ImageResult = { labels: [{ wnid: 'n00000000', label: 'nothing', score: 1 }], ms: 0 };

process.on('disconnect', () => process.exit());
process.on('message', (message: RunnerMessage) => {
  if ('preload' in message) return;
  const { id, images } = message;
  const results = images.map((image): ImageResult => {
    const encoded = readEncoded(image);
    return 'error' in encoded ? encoded : result;
  });
  reply({ type: 'results', id, results, rssBytes });
});
reply({ type: 'ready', rssBytes });
