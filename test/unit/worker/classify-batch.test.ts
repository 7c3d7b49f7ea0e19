import { setImmediate as settled } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ImageResult } from '../../../src/core/model/outcome.ts';
import { ExclusiveGate } from '../../../src/core/runtime/exclusive-gate.ts';
import { JobTurns } from '../../../src/worker/intake/job-turns.ts';
import { classifyBatch } from '../../../src/worker/messages/classify-batch.ts';
import { HeldMessage } from '../../../src/worker/messages/held-message.ts';
import { ModelLocations } from '../../../src/worker/messages/models.ts';
import type { RunnerPool } from '../../../src/worker/runners/runner-pool.ts';
import { SteppingClock } from './stepping-clock.ts';

const MODEL = { name: 'stub', version: '1', variant: 'fp32', sha256: 'ab'.repeat(32) } as const;
const never = new AbortController().signal;

/** Classifies an image when the test says so. */
class GatedPool {
  readonly running: string[] = [];
  readonly #finish = new Map<string, () => void>();

  expect(): void {}

  async classify({ image }: { image: Uint8Array }): Promise<ImageResult> {
    const name = Buffer.from(image).toString();
    this.running.push(name);
    await new Promise<void>((resolve) => this.#finish.set(name, resolve));
    this.running.splice(this.running.indexOf(name), 1);
    return { labels: [], ms: 1 };
  }

  /** Resolves when everything that waits only for promises has happened. */
  async finish(name: string): Promise<void> {
    this.#finish.get(name)?.();
    await settled();
  }
}

describe('a batch', () => {
  let pool: GatedPool;
  /** Starts a batch of one image whose message was received so often. */
  let start: (name: string, receiveCount: number) => Promise<void>;
  beforeEach(() => {
    pool = new GatedPool();
    const tools = {
      gate: new ExclusiveGate(),
      models: new ModelLocations({ ensure: async ({ sha256 }) => ({ dir: '/', sha256 }) }, never),
      pool: pool as unknown as RunnerPool,
      locate: async () => undefined,
      download: async ({ key }: { key: string }) => ({ bytes: Buffer.from(key), release() {} }),
      clock: new SteppingClock(),
      readWords: () => Promise.reject(new Error('not asked for')),
      random: () => 0,
      log: { debug() {}, info() {}, warn() {}, error() {} },
    };
    const turns = new JobTurns();
    start = async (name, receiveCount) => {
      const times = { receiveCount, sentAtMs: 0, waitedMs: 0 };
      const message = { id: name, receipt: name, body: '', groupId: undefined, ...times };
      const images = [{ index: 0, name, bucket: 'input', key: name }];
      const place = { job: 'job', range: { attempt: 1, first: 0, last: 0 } };
      void classifyBatch(
        new HeldMessage(message, { receivedAtMs: 0, turns }),
        { model: MODEL, topK: 1, images, place },
        tools,
      );
      await settled();
    };
  });

  it('runs beside others up to its second delivery', async () => {
    await start('first', 1);
    await start('second', 2);
    expect(pool.running).toEqual(['first', 'second']);
  });

  it('waits for the others before its third delivery runs', async () => {
    await start('other', 1);
    await start('third', 3);
    expect(pool.running).toEqual(['other']);
    await pool.finish('other');
    expect(pool.running).toEqual(['third']);
  });

  it('keeps the others waiting while its third delivery runs', async () => {
    await start('third', 3);
    await start('other', 1);
    expect(pool.running).toEqual(['third']);
    await pool.finish('third');
    expect(pool.running).toEqual(['other']);
  });
});
