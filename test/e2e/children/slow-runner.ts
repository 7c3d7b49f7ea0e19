/**
 * A model runner that knows no model: IMGCLS_TEST_IMAGES_PER_SECOND images a second (5), one after the other. While the file
 * IMGCLS_TEST_HOLD is there, it answers no more than as many images as that file says.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ImageResult } from '../../../src/core/model/outcome.ts';
import type { RunnerMessage, RunnerReply, RunnerRequest } from '../../../src/core/model/runner-protocol.ts';
import { readEncoded } from '../../../src/model/read-encoded.ts';

const imageMs = 1000 / Number(process.env.IMGCLS_TEST_IMAGES_PER_SECOND ?? 5);
const holdFile = process.env.IMGCLS_TEST_HOLD ?? '';
const LOOK_MS = 20;
const reply = (message: RunnerReply) => process.send?.(message);
let last: Promise<unknown> = Promise.resolve();
let answeredUnderHold = 0;

process.on('disconnect', () => process.exit());
process.on('message', (message: RunnerMessage) => {
  if (!('preload' in message)) last = last.then(() => answer(message));
});
reply({ type: 'ready', rssBytes: process.memoryUsage.rss() });

async function answer({ id, images, topK }: RunnerRequest): Promise<void> {
  const results: ImageResult[] = [];
  for (const bytes of images.map(readEncoded)) {
    await sleep(imageMs);
    await notHeld();
    if ('error' in bytes) {
      results.push(bytes);
      continue;
    }
    const label = { wnid: 'n00000000', label: `${bytes.byteLength} bytes`, score: 1 / topK };
    results.push({ labels: Array.from({ length: topK }, () => label), ms: imageMs });
  }
  reply({ type: 'results', id, results, rssBytes: process.memoryUsage.rss() });
}

async function notHeld(): Promise<void> {
  while (answeredUnderHold >= imagesAllowed()) await sleep(LOOK_MS);
  answeredUnderHold = Number.isFinite(imagesAllowed()) ? answeredUnderHold + 1 : 0;
}

function imagesAllowed(): number {
  try {
    return Number(readFileSync(holdFile, 'utf8'));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
