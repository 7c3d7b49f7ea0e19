// Entry of a model runner: a child process that classifies for the worker that started it (core/model/runner-protocol.ts).
//
// Start it with `fork(path, [JSON.stringify(options)], { serialization: 'advanced' })`, `options` a DecodeLimits, and
// with UV_THREADPOOL_SIZE=2 in its environment: decoding happens on those threads, and they are made before this file
// could set it. It ends when the channel to the worker closes, so that none outlives its worker.

import process from 'node:process';
import { setImmediate as nextTurn } from 'node:timers/promises';
import * as z from 'zod';
import { CONTROL_IMAGE } from '../core/model/control-image.ts';
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

const limits = z
  .object({ maxPixels: z.int().positive(), decodeTimeoutMs: z.int().positive() })
  .parse(JSON.parse(process.argv[2] ?? '{}'));

const models = createLoadedModels(limits);

function send(reply: RunnerReply): void {
  // A worker that went away needs no answer; 'disconnect' ends this process.
  if (process.connected) process.send?.(reply, undefined, undefined, () => {});
}

const announced = new Set<string>();
function announce(sha256: string): void {
  if (announced.has(sha256)) return;
  announced.add(sha256);
  send({ type: 'model', sha256, rssBytes: process.memoryUsage.rss() });
}

async function answer({ id, model, topK, images }: RunnerRequest): Promise<RunnerReply> {
  let times: ClassifyTimes | undefined;
  try {
    const results = await models.use(model, async (classifier) => {
      announce(model.sha256);
      const encoded = images.map(readEncoded);
      const labelled = await classifier.classify(encoded, topK, (found) => {
        times = found;
      });
      // Where it fails, some may still be being decoded.
      for (const bytes of encoded) if (bytes instanceof Uint8Array) freeBytes(bytes);
      return labelled;
    });
    return { type: 'results', id, results, ...(times && { times }), rssBytes: process.memoryUsage.rss() };
  } catch (error) {
    return { type: 'failed', id, message: messageOf(error), rssBytes: process.memoryUsage.rss() };
  }
}

let wasAsked = false;

/** Loads the model and, where no images wait for it, runs it once: the first run takes twice the time of those that follow. */
async function preload(model: ModelLocation): Promise<void> {
  const warmUp = models.use(model, async (classifier) => {
    announce(model.sha256);
    await nextTurn();
    if (!wasAsked) await classifier.classify([CONTROL_IMAGE], 1);
  });
  // Its failure is the answer to the first images.
  await warmUp.catch(() => {});
}

process.on('message', (message: RunnerMessage) => {
  if ('preload' in message) {
    void preload(message.preload);
    return;
  }
  wasAsked = true;
  // Not awaited: the images of this request are decoded while an earlier one is in the model. `answer` never rejects.
  void answer(message).then(send);
});
// Not by exit(): the runtime takes longer to tidy up than the whole end of a worker may take, and nothing is left to tidy.
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
// Ctrl-C reaches a whole process group, and systemd's stop a whole control group. What becomes of the images in hand is
// the worker's decision; when it is gone, its channel closes.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});

send({ type: 'ready', rssBytes: process.memoryUsage.rss() });
