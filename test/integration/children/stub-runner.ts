/**
 * A model runner without a model. The text of an image says what to do with it:
 * - `label:<text>`: return that label. `bad`: return `not_an_image`.
 * - `crash`: end at once, by a signal. `hang`: never reply; other requests go on.
 * - `wait:<file>`: return a label once that file exists. `broken model`: report that the model is unusable.
 * - `out of memory`: report that this machine cannot decode it.
 *
 * Arguments: a log file, which gets a line for each start (`start <pid>`) and each image (`image <text>`, then
 * `done <text>`), and optionally `never-ready` (write to stderr and end), `dies-of-everything`, or `sick`: report whatever
 * image it gets as `broken model` does.
 */
import { appendFileSync, existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ImageResult } from '../../../src/core/model/outcome.ts';
import type { RunnerMessage, RunnerReply, RunnerRequest } from '../../../src/core/model/runner-protocol.ts';
import { readEncoded } from '../../../src/model/read-encoded.ts';

const [logFile = '', mode] = process.argv.slice(2);
const note = (line: string) => appendFileSync(logFile, `${line}\n`);
const reply = (message: RunnerReply) => process.send?.(message);
const die = () => process.kill(process.pid, 'SIGKILL');

note(`start ${process.pid}`);
if (mode === 'never-ready') {
  process.stderr.write('no such instruction\n');
  process.exitCode = 1;
  process.disconnect();
} else {
  process.on('disconnect', () => process.exit());
  process.on('message', (message: RunnerMessage) => {
    if ('preload' in message) load(message.preload.sha256);
    else void answer(message);
  });
  reply({ type: 'ready', rssBytes: process.memoryUsage.rss() });
}

let isLoaded = false;
function load(sha256: string): void {
  if (!isLoaded) reply({ type: 'model', sha256, rssBytes: process.memoryUsage.rss() });
  isLoaded = true;
}

async function answer({ id, model, images, topK }: RunnerRequest): Promise<void> {
  load(model.sha256);
  const results: ImageResult[] = [];
  for (const image of images.map(readEncoded)) {
    if ('error' in image) {
      results.push(image);
      continue;
    }
    const text = Buffer.from(image).toString('latin1');
    note(`image ${text.startsWith('\x89PNG') ? 'control' : text}`);
    if (mode === 'dies-of-everything') die();
    if (text === 'broken model' || mode === 'sick') {
      reply({ type: 'failed', id, message: 'The model is broken.', rssBytes: process.memoryUsage.rss() });
      return;
    }
    results.push(await classify(text, topK));
    note(`done ${text}`);
  }
  reply({ type: 'results', id, results, rssBytes: process.memoryUsage.rss() });
}

async function classify(text: string, topK: number): Promise<ImageResult> {
  const [verb, ...rest] = text.split(':');
  const argument = rest.join(':');
  if (verb === 'crash') die();
  if (verb === 'hang' || verb === 'crash') return await new Promise(() => {});
  if (verb === 'bad') return { error: { code: 'not_an_image', message: 'This is not an image.' } };
  if (verb === 'out of memory')
    return { error: { code: 'worker_crash', message: 'Out of memory.' }, isMachineFault: true };
  while (verb === 'wait' && !existsSync(argument)) await sleep(10);
  const label = { wnid: 'n00000000', label: argument, score: 1 / topK };
  return { labels: Array.from({ length: topK }, () => label), ms: 1 };
}
