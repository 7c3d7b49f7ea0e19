import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import { waitAndPrint } from '../../src/cli/jobs/wait.ts';
import { createJobClient } from '../../src/client/client.ts';
import type { Cloud } from '../../src/core/cloud/ports.ts';
import { createLocalCloud } from '../../src/local/cloud.ts';
import type { Input } from '../../src/upload/inputs.ts';

describe('an upload that is interrupted before its first image is announced', () => {
  let folder: string;
  let cloud: Cloud;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'imgcls-interrupted-'));
    cloud = createLocalCloud({ dataDir: folder, cluster: 'test' });
  });
  afterEach(async () => {
    await cloud.close();
    await rm(folder, { recursive: true });
  });

  /** Interrupts when the job's record is written and its response queue is created. */
  const interruptedBy = (interrupt: AbortController): Cloud => ({
    ...cloud,
    queues: {
      ...cloud.queues,
      open: (name) => cloud.queues.open(name),
      remove: (name, signal) => cloud.queues.remove(name, signal),
      async create() {
        interrupt.abort();
        throw interrupt.signal.reason;
      },
    },
  });

  async function* images(): AsyncGenerator<Input> {
    yield { kind: 'bytes', name: 'cat.jpg', source: 'cat.jpg', bytes: Buffer.from('cat') };
  }

  it('says how to resume its job, and starts no worker', async () => {
    const interrupt = new AbortController();
    let sessions = 0;
    const client = createJobClient({
      cloud: interruptedBy(interrupt),
      clock: systemClock,
      random: Math.random,
      newId: ulid,
      readBucket: (name) => cloud.bucket(name),
      joinController: () => {
        sessions++;
        return { failed: new AbortController().signal, leave: async () => {} };
      },
      concurrency: 4,
      maxImageBytes: 1e8,
    });
    const model = { name: 'a', version: '1', variant: 'int8', sha256: 'a'.repeat(64) } as const;
    const job = await client.submit(images(), { model, topK: 1, wait: true, signal: interrupt.signal });
    const waiting = waitAndPrint(
      job,
      {},
      {
        interrupted: interrupt.signal,
        output: { write: async () => {}, finish: async () => {}, close: async () => {} },
        onTransient: () => {},
        costUsd: async () => undefined,
        clock: systemClock,
      },
    );
    await expect(waiting).rejects.toMatchObject({
      message: 'Interrupted.',
      hint: expect.stringContaining(`Run "imgcls resume ${job.id}" to continue.`),
    });
    expect(await job.record()).toMatchObject({ state: 'open' });
    expect(sessions).toBe(0);
  });
});
