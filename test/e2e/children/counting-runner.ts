/**
 * A model runner that knows no model: it answers at once, labels an image by the sha256 of its bytes, and writes that
 * label as a line to IMGCLS_TEST_RUNNER_LOG, so that a test can count what was classified and how often.
 * IMGCLS_TEST_IMAGES_PER_SECOND slows it down.
 */
import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ImageResult } from '../../../src/core/model/outcome.ts';
import type { RunnerMessage, RunnerReply, RunnerRequest } from '../../../src/core/model/runner-protocol.ts';
import { readEncoded } from '../../../src/model/read-encoded.ts';

const { IMGCLS_TEST_RUNNER_LOG: log, IMGCLS_TEST_IMAGES_PER_SECOND: perSecond } = process.env;
const imageMs = perSecond === undefined ? 0 : 1000 / Number(perSecond);
const reply = (message: RunnerReply) => process.send?.(message);
let last: Promise<unknown> = Promise.resolve();

process.on('disconnect', () => process.exit());
process.on('message', (message: RunnerMessage) => {
  if (!('preload' in message)) last = last.then(() => answer(message));
});
reply({ type: 'ready', rssBytes: process.memoryUsage.rss() });

async function answer({ id, images }: RunnerRequest): Promise<void> {
  if (imageMs > 0) await sleep(imageMs * images.length);
  const results = images.map(readEncoded).map((bytes): ImageResult => {
    if ('error' in bytes) return bytes;
    const label = createHash('sha256').update(bytes).digest('hex');
    if (log !== undefined) appendFileSync(log, `${label}\n`);
    return { labels: [{ wnid: 'n00000000', label, score: 1 }], ms: imageMs };
  });
  reply({ type: 'results', id, results, rssBytes: process.memoryUsage.rss() });
}
