/**
 * The real model runner, but an image that ends in {@link KILLER} kills it, as one would that meets a fault of native code.
 * Now and then a runner dies of its first request with several images, whatever they are: none is to blame then.
 */
import type { RunnerMessage, RunnerReply, RunnerRequest } from '../../../src/core/model/runner-protocol.ts';
import { createLoadedModels } from '../../../src/model/loaded-models.ts';
import { readEncoded } from '../../../src/model/read-encoded.ts';
import { KILLER } from '../killer.ts';
import { takePart } from '../part.ts';

const models = createLoadedModels(JSON.parse(process.argv[2] ?? '{}'));
const part = takePart('runner');
const isShortLived = part !== undefined && part.random.next() < part.plan.runnerDies;
const rssBytes = process.memoryUsage.rss();
const reply = (message: RunnerReply) => void (process.connected && process.send?.(message, () => {}));
const die = () => process.kill(process.pid, 'SIGKILL');

process.once('disconnect', () => process.exit(0));
process.on('message', (message: RunnerMessage) => {
  if (!('preload' in message)) void answer(message);
});
reply({ type: 'ready', rssBytes });

async function answer({ id, model, topK, images }: RunnerRequest): Promise<void> {
  const encoded = images.map(readEncoded);
  const isKiller = (image: (typeof encoded)[number]) =>
    !('error' in image) && Buffer.from(image).subarray(-KILLER.length).equals(KILLER);
  if (encoded.some(isKiller)) die();
  // A single image may be a suspect, and an innocent one must never pay for two such deaths.
  if (images.length > 1 && isShortLived) {
    part?.note('runner-died');
    die();
  }
  const results = await models.use(model, (classifier) => classifier.classify(encoded, topK));
  reply({ type: 'results', id, results, rssBytes });
}
