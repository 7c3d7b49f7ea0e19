// Entry point of a model runner: a child process that classifies images for its worker (core/model/runner-protocol.ts).
//
// Start it with `fork(path, [JSON.stringify(limits)], { serialization: 'advanced' })`, where `limits` is a DecodeLimits, and
// with UV_THREADPOOL_SIZE=2 in its environment: images are decoded on those threads, which start before this file could set
// the variable. The runner ends when its channel to the worker closes, so it never outlives the worker.

import * as z from 'zod';
import type {
  ClassifyTimes,
  ModelLocation,
  RunnerMessage,
  RunnerReply,
  RunnerRequest,
} from '../core/model/runner-protocol.ts';
import { messageOf } from '../core/runtime/errors.ts';
import { freeBytes } from './free-bytes.ts';
import { createLoadedModels } from './loaded-models.ts';
import { readEncoded } from './read-encoded.ts';
import { warmUp } from './warm-up.ts';

const limits = z
  .object({ maxPixels: z.int().positive(), decodeTimeoutMs: z.int().positive() })
  .parse(JSON.parse(process.argv[2] ?? '{}'));

const models = createLoadedModels(limits);

function send(reply: RunnerReply): void {
  // If the worker has ended, 'disconnect' ends this process too.
  if (process.connected) process.send?.(reply, undefined, undefined, () => {});
}

const announced = new Set<string>();
function announce(sha256: string): void {
  if (announced.has(sha256)) return;
  announced.add(sha256);
  send({ type: 'model', sha256, rssBytes: process.memoryUsage.rss() });
}

async function handle({ id, model, topK, images }: RunnerRequest): Promise<RunnerReply> {
  let times: ClassifyTimes | undefined;
  try {
    const results = await models.use(model, async (classifier) => {
      announce(model.sha256);
      const encoded = images.map(readEncoded);
      const onTimes = (measured: ClassifyTimes) => {
        times = measured;
      };
      const results = await classifier.classify(encoded, topK, onTimes, model.words);
      // Only after success: after a failure some images may still be decoding.
      for (const bytes of encoded) if (bytes instanceof Uint8Array) freeBytes(bytes);
      return results;
    });
    return { type: 'results', id, results, ...(times && { times }), rssBytes: process.memoryUsage.rss() };
  } catch (error) {
    return { type: 'failed', id, message: messageOf(error), rssBytes: process.memoryUsage.rss() };
  }
}

let hasRequests = false;

/** Loads the model and, if no images wait, runs it several times: the first runs take longer than the next ones. */
async function preload(model: ModelLocation): Promise<void> {
  const loading = models.use(model, async (classifier) => {
    announce(model.sha256);
    await warmUp(classifier, () => !hasRequests);
  });
  // The request for the first images will report a failure.
  await loading.catch(() => {});
}

process.on('message', (message: RunnerMessage) => {
  if ('preload' in message) {
    void preload(message.preload);
    return;
  }
  hasRequests = true;
  // Not awaited: its images are decoded while the model runs an earlier request. `handle` never rejects.
  void handle(message).then(send);
});
// Not exit(): the runtime's clean-up takes longer than a worker has to shut down, and nothing needs it.
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
// Ctrl-C signals a whole process group, and systemd's stop a whole control group. The worker decides what happens to the
// images in progress. When it ends, the channel closes.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});

send({ type: 'ready', rssBytes: process.memoryUsage.rss() });
