import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isError } from '../../../src/core/model/outcome.ts';
import type { RunnerReply, RunnerRequest } from '../../../src/core/model/runner-protocol.ts';
import { LIMITS, SAMPLES_DIR, STARTER_DIR, starterManifest } from './support.ts';

const entry = fileURLToPath(new URL('../../../src/model/runner-main.ts', import.meta.url));

/** A runner that is ready, and a function that sends a request and returns its reply. */
async function startRunner() {
  const child = fork(entry, [JSON.stringify(LIMITS)], {
    serialization: 'advanced',
    env: { ...process.env, UV_THREADPOOL_SIZE: '2' },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [ready] = (await once(child, 'message')) as [RunnerReply];
  const waiting = new Map<number, (reply: RunnerReply) => void>();
  child.on('message', (reply: RunnerReply) => {
    if (reply.type !== 'ready' && reply.type !== 'model') waiting.get(reply.id)?.(reply);
  });
  const ask = (request: RunnerRequest) =>
    new Promise<RunnerReply>((resolve) => {
      waiting.set(request.id, resolve);
      child.send(request);
    });
  return { child, ready, ask };
}

async function starterLocation() {
  return { dir: STARTER_DIR, sha256: (await starterManifest()).sha256 };
}

describe('model runner', () => {
  it('classifies overlapping requests and ends when its channel closes', async () => {
    const { child, ready, ask } = await startRunner();
    expect(ready).toMatchObject({ type: 'ready', rssBytes: expect.any(Number) });
    const image = new Uint8Array(await readFile(join(SAMPLES_DIR, 'rocket.jpg')));
    const model = await starterLocation();
    const replies = await Promise.all(
      [1, 2, 3].map((id) => ask({ id, model, topK: id, images: [image, Uint8Array.of(1, 2, 3)] })),
    );
    for (const [index, reply] of replies.entries()) {
      if (reply.type !== 'results') throw new Error(JSON.stringify(reply));
      const [good, bad] = reply.results;
      expect(reply.id).toBe(index + 1);
      expect(good && !isError(good) && good.labels.length).toBe(index + 1);
      expect(bad).toMatchObject({ error: { code: 'not_an_image' } });
    }
    child.disconnect();
    await once(child, 'exit');
  });

  it('preloads a model, also if images arrive meanwhile', async () => {
    const image = new Uint8Array(await readFile(join(SAMPLES_DIR, 'cat.jpg')));
    const model = await starterLocation();
    const request = (id: number) => ({ id, model, topK: 1, images: [image] });
    const labels = (reply: RunnerReply) =>
      reply.type === 'results' && reply.results.map((result) => !isError(result) && result.labels[0]?.wnid);

    const waiting = await startRunner();
    const firstMessage = once(waiting.child, 'message');
    waiting.child.send({ preload: model });
    expect((await firstMessage)[0]).toMatchObject({ type: 'model', sha256: model.sha256 });
    const first = labels(await waiting.ask(request(1)));

    const busy = await startRunner();
    busy.child.send({ preload: model });
    const both = await Promise.all([busy.ask(request(1)), busy.ask(request(2))]);
    expect(both.map(labels)).toEqual([first, first]);
  });

  it.runIf(process.platform === 'linux')(
    'loads libvips at the first image that is no plain JPEG',
    async () => {
      const { child, ask } = await startRunner();
      const hasLibvips = async () => /libvips/.test(await readFile(`/proc/${child.pid}/maps`, 'utf8'));
      const model = await starterLocation();
      const classify = async (id: number, image: Uint8Array) => {
        const reply = await ask({ id, model, topK: 1, images: [image] });
        return reply.type === 'results' && reply.results.some((result) => !isError(result));
      };
      const jpeg = await readFile(join(SAMPLES_DIR, 'cat.jpg'));
      expect(await classify(1, new Uint8Array(jpeg))).toBe(true);
      expect(await hasLibvips()).toBe(false);
      expect(await classify(2, new Uint8Array(await sharp(jpeg).png().toBuffer()))).toBe(true);
      expect(await hasLibvips()).toBe(true);
    },
  );

  it('reports a model that cannot be loaded, and continues with others', async () => {
    const { ask } = await startRunner();
    const image = new Uint8Array(await readFile(join(SAMPLES_DIR, 'cat.jpg')));
    const good = await starterLocation();
    const missing = { dir: join(STARTER_DIR, 'nowhere'), sha256: 'f'.repeat(64) };
    expect(await ask({ id: 1, model: missing, topK: 1, images: [image] })).toMatchObject({
      type: 'failed',
      id: 1,
      message: expect.stringContaining('nowhere'),
    });
    expect(await ask({ id: 2, model: good, topK: 1, images: [image] })).toMatchObject({
      type: 'results',
      id: 2,
      times: { decodeMs: expect.any(Number), inferenceMs: expect.any(Number) },
    });
  });

  it('ignores Ctrl-C, which the worker handles', async () => {
    const { child, ask } = await startRunner();
    child.kill('SIGINT');
    const image = new Uint8Array(await readFile(join(SAMPLES_DIR, 'cat.jpg')));
    const reply = await ask({ id: 7, model: await starterLocation(), topK: 1, images: [image] });
    expect(reply).toMatchObject({ type: 'results', id: 7 });
  });
});
