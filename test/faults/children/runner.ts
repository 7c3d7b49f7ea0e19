/**
 * The real model runner, but an image that ends in {@link KILLER} kills it, as one would that meets a fault of native code.
 * Now and then a runner dies of its first request, whatever is in it: nobody is to blame then.
 */

import type { RunnerReply, RunnerRequest } from '../../../src/core/runner-protocol.ts';
import { createLoadedModels } from '../../../src/model/loaded-models.ts';
import { KILLER } from '../killer.ts';

const models = createLoadedModels(JSON.parse(process.argv[2] ?? '{}'));
const reply = (message: RunnerReply) => void (process.connected && process.send?.(message, () => {}));
const rssBytes = process.memoryUsage.rss();
const die = () => process.kill(process.pid, 'SIGKILL');
let requests = 0;

process.once('disconnect', () => process.exit(0));
process.on('message', (request) => void answer(request as RunnerRequest));
reply({ type: 'ready', rssBytes });

async function answer({ id, model, topK, images }: RunnerRequest): Promise<void> {
  if (images.some((image) => Buffer.from(image).subarray(-KILLER.length).equals(KILLER))) die();
  // More than one image: an innocent one that is alone must never pay for it twice.
  if (requests++ === 0 && images.length > 1 && Math.random() < 0.1) die();
  const results = await models.use(model, (classifier) => classifier.classify(images, topK));
  reply({ type: 'results', id, results, rssBytes });
}
