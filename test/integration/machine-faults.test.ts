import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { workerStatus } from '../../src/core/fleet/fleet.ts';
import { workerStatusKey } from '../../src/core/job/keys.ts';
import type { ModelRef } from '../../src/core/model/model.ts';
import type { Outcome } from '../../src/core/model/outcome.ts';
import type { WorkerOptions } from '../../src/worker/worker-options.ts';
import { gist, Harness, labels, override } from './worker-harness.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await Harness.make();
});
afterEach(async () => {
  await harness.release();
});

/** A message that is given back comes again at once. */
const noPause = { random: () => 0 };
/** Runs a worker whose machine fails; resolves with the reason. */
const workOnSickMachine = async (options: Partial<WorkerOptions> & { mode?: string } = {}) => {
  const summary = harness.work({ mode: 'sick', ...noPause, ...options });
  return await summary.then(
    ({ reason }) => `ended: ${reason}`,
    (error: Error) => error.message,
  );
};
const outcomes = (range: { first: number; last: number }): Promise<Outcome[] | undefined> =>
  harness.shard(range).catch(() => undefined);

describe('a worker on which the model does not load', () => {
  it('decides about no image: another worker classifies them', async () => {
    await harness.submit(labels(0, 16));
    expect(await workOnSickMachine()).toContain('The model is broken.');
    expect(await outcomes({ first: 0, last: 15 })).toBeUndefined();
    await harness.work();
    expect(gist(await harness.shard({ first: 0, last: 15 }))).toEqual(
      Array.from({ length: 16 }, (_, i) => String(i)),
    );
  });

  it('leaves its status behind, with the state failed and the reason', async () => {
    await harness.submit(labels(0, 16));
    await workOnSickMachine();
    const { body } = await harness.cloud.output.get(workerStatusKey('w-0'));
    expect(workerStatus.parse(JSON.parse(new TextDecoder().decode(body)))).toMatchObject({
      state: 'failed',
      failure: expect.stringContaining('The model is broken.'),
    });
  });

  it('receives nothing more', async () => {
    for (let first = 0; first < 320; first += 16) await harness.submit(labels(first, 16), first);
    await workOnSickMachine();
    const seen = (await harness.runnerLines()).filter((line) => line.startsWith('image '));
    expect(seen.length).toBeLessThan(16);
    expect(await harness.requestsLeft()).toBe(20);
  });

  it('ends its machine, so that the controller replaces it', async () => {
    await harness.submit(labels(0, 1));
    let ended = 0;
    const machine = {
      id: 'i-1',
      boot: { kernelToProcessMs: 0 },
      isReclaimed: (signal: AbortSignal) =>
        new Promise<boolean>((resolve) => signal.addEventListener('abort', () => resolve(false))),
      end: async () => void ended++,
    };
    await workOnSickMachine({ machine });
    expect(ended).toBe(1);
  });
});

describe('a job whose model loads on no machine', () => {
  it('ends with model_unavailable once three workers have failed, in all of its batches', async () => {
    for (let first = 0; first < 160; first += 16) await harness.submit(labels(first, 16), first);
    expect(await workOnSickMachine()).toContain('The model is broken.');
    expect(await workOnSickMachine()).toContain('The model is broken.');
    expect(await workOnSickMachine()).toBe('ended: idle');
    for (let first = 0; first < 160; first += 16) {
      const found = await harness.shard({ first, last: first + 15 });
      expect(gist(found)).toEqual(Array(16).fill('model_unavailable'));
      expect(found[0]).toMatchObject({
        error: { message: expect.stringMatching(/^3 workers could not .*The model is broken\.$/) },
      });
    }
    expect(await harness.requestsLeft()).toBe(0);
  });

  it('is not ended by one worker that fails three times', async () => {
    await harness.submit(labels(0, 1));
    for (const _ of Array(4)) expect(await workOnSickMachine({ workerId: 'same' })).toContain('is broken');
    expect(await outcomes({ first: 0, last: 0 })).toBeUndefined();
  });

  it('is not ended while another worker classifies its images', async () => {
    await harness.submit(labels(0, 16));
    await harness.work();
    await harness.submit(labels(16, 16), 16);
    for (const _ of Array(5)) expect(await workOnSickMachine()).toContain('is broken');
    expect(await outcomes({ first: 16, last: 31 })).toBeUndefined();
    await harness.work();
    expect(gist(await outcomes({ first: 16, last: 31 }))).toEqual(
      Array.from({ length: 16 }, (_, i) => String(16 + i)),
    );
  });
});

describe('an image for which machines lack memory', () => {
  it('gets its error from the third worker, and its neighbours their predictions', async () => {
    await harness.submit(['label:0', 'out of memory', 'label:2']);
    const healthy = { mode: '' };
    for (const _ of Array(2)) expect(await workOnSickMachine(healthy)).toBe('Out of memory.');
    expect(await outcomes({ first: 0, last: 2 })).toBeUndefined();
    expect(await workOnSickMachine(healthy)).toBe('ended: idle');
    expect(gist(await outcomes({ first: 0, last: 2 }))).toEqual(['0', 'worker_crash', '2']);
  });
});

describe('a machine without disk space or descriptors', () => {
  const shortage = (code: string) => Object.assign(new Error(`${code}: write`), { code });

  it('gives back the batch whose model it cannot store', async () => {
    await harness.submit(['label:0']);
    const models = { ensure: (_: ModelRef) => Promise.reject(shortage('ENOSPC')) };
    expect(await workOnSickMachine({ models })).toMatch(/cannot load the model stub.*ENOSPC/);
    expect(await harness.requestsLeft()).toBe(1);
  });

  it.each(['ENOSPC', 'EMFILE', 'ENFILE', 'ENOMEM'])('stops its worker wherever %s comes up', async (code) => {
    await harness.submit(['label:0']);
    const output = override(harness.cloud.output, {
      put: async (key, body, options) => {
        if (key.includes('/results/')) throw shortage(code);
        return await harness.cloud.output.put(key, body, options);
      },
    });
    const cloud = { ...harness.cloud, output };
    expect(await workOnSickMachine({ mode: '', cloud })).toMatch(/^This machine's .*/);
    expect(await harness.requestsLeft()).toBe(1);
  });
});
