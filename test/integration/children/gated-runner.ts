/**
 * A model runner that waits for files in the folder IMGCLS_TEST_GATES: for `model` before it reports the model as loaded,
 * and for `image` before it sends results. It writes `model.begun` or `image.begun` when it begins to wait.
 */
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunnerMessage, RunnerReply } from '../../../src/core/model/runner-protocol.ts';

const reply = (message: RunnerReply) => process.send?.(message);
const rssBytes = process.memoryUsage.rss();

async function pass(gate: string): Promise<void> {
  const file = path.join(process.env.IMGCLS_TEST_GATES ?? '', gate);
  writeFileSync(`${file}.begun`, '');
  while (!existsSync(file)) await sleep(10);
}

process.on('disconnect', () => process.exit());
process.on('message', async (message: RunnerMessage) => {
  if ('preload' in message) {
    await pass('model');
    reply({ type: 'model', sha256: message.preload.sha256, rssBytes });
    return;
  }
  await pass('image');
  const labels = [{ wnid: 'n00000000', label: 'gate', score: 1 }];
  reply({
    type: 'results',
    id: message.id,
    results: message.images.map(() => ({ labels, ms: 1 })),
    rssBytes,
  });
});
reply({ type: 'ready', rssBytes });
