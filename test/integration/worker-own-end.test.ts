import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Store } from '../../src/core/cloud/ports.ts';
import { workerStatus } from '../../src/core/fleet/fleet.ts';
import type { OwnMachine } from '../../src/core/fleet/machine.ts';
import { CONTROLLER_LOCK_KEY, workerStatusKey } from '../../src/core/job/keys.ts';
import { onAbort } from '../../src/core/runtime/abort.ts';
import { until } from '../contract/until.ts';
import { Harness, override } from './worker-harness.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await Harness.make();
});
afterEach(() => harness.release());

/** A machine that is interrupted when the test says so. */
function machine() {
  const { promise: reclaimed, resolve: reclaim } = Promise.withResolvers<boolean>();
  const state = { hasEnded: false };
  const own: OwnMachine = {
    id: 'i-1',
    boot: { launchToProcessMs: 12_000, kernelToProcessMs: 5000 },
    isReclaimed: (signal) =>
      Promise.race([
        reclaimed,
        new Promise<boolean>((resolve) => void onAbort(signal, () => resolve(false))),
      ]),
    async end() {
      state.hasEnded = true;
    },
  };
  return { own, state, reclaim };
}
const gate = () => path.join(harness.folder, 'gate');
const status = async (id = 'w-0') => {
  const { body } = await harness.cloud.output.get(workerStatusKey(id));
  return workerStatus.parse(JSON.parse(new TextDecoder().decode(body)));
};

describe('a worker whose machine is interrupted', () => {
  it('finishes what it has begun, releases the rest, and ends its machine', async () => {
    const { own, state, reclaim } = machine();
    const worker = harness.start({ machine: own, prefetchMessages: 3 });
    for (let index = 0; index < 3; index++)
      await harness.submit([`wait:${gate()}${index === 0 ? '' : `-${index}`}`], index);
    await harness.untilRunnersSaw(`wait:${gate()}`);
    reclaim(true);
    await writeFile(gate(), '');
    for (const rest of [1, 2]) await writeFile(`${gate()}-${rest}`, '');
    const { reason } = await worker.summary;
    expect(reason).toBe('spot_notice');
    expect(state.hasEnded).toBe(true);
    expect((await harness.requests.depth()).inFlight).toBe(0);
    await harness.work();
    expect((await harness.requests.depth()).waiting).toBe(0);
    for (const index of [0, 1, 2]) expect(await harness.shard({ first: index, last: index })).toHaveLength(1);
  });
});

describe('a worker on a machine of its own', () => {
  it('ends with its machine at its maximum lifetime', async () => {
    const { own, state } = machine();
    expect((await harness.start({ machine: own, maxLifetimeMs: 300 }).summary).reason).toBe('lifetime');
    expect(state.hasEnded).toBe(true);
  });

  it('runs with a maximum lifetime of a month', async () => {
    const worker = harness.start({ maxLifetimeMs: 30 * 24 * 3_600_000 });
    await harness.submit(['label:cat']);
    await expect.poll(async () => (await status()).imagesDone, { timeout: 20_000 }).toBe(1);
    worker.drain.abort();
    expect((await worker.summary).reason).toBe('drained');
  });

  it('ends with its machine when it is idle without a controller', async () => {
    const { own, state } = machine();
    const worker = harness.start({ machine: own, exitWithoutControllerMs: 300 });
    expect((await worker.summary).reason).toBe('no_controller');
    expect(state.hasEnded).toBe(true);
  });

  it('goes on without a controller while it has work', async () => {
    const { own } = machine();
    await harness.submit([`wait:${gate()}`]);
    const { output } = harness.cloud;
    let lockReads = 0;
    const head: Store['head'] = (key, signal) => {
      if (key === CONTROLLER_LOCK_KEY) lockReads++;
      return output.head(key, signal);
    };
    const cloud = { ...harness.cloud, output: override(output, { head }) };
    const worker = harness.start({ cloud, machine: own, exitWithoutControllerMs: 300 });
    await harness.untilRunnersSaw(`wait:${gate()}`);
    // The worker reads the lock about ten times in this time, and no more once it ends.
    const readsBefore = lockReads;
    await until('no controller was there for three times as long', async () => lockReads > readsBefore + 35);
    await writeFile(gate(), '');
    expect(await worker.summary).toMatchObject({ reason: 'no_controller', imagesDone: 1 });
  });

  it('is protected from scale-in while it holds messages, and until its end', async () => {
    const { own } = machine();
    const requests: boolean[] = [];
    const protect = async (isProtected: boolean) => void requests.push(isProtected);
    const worker = harness.start({ machine: { ...own, protect } });
    await harness.submit([`wait:${gate()}`]);
    await harness.untilRunnersSaw(`wait:${gate()}`);
    await expect.poll(() => requests, { timeout: 5000 }).toEqual([true]);
    worker.drain.abort();
    await writeFile(gate(), '');
    expect(await worker.summary).toMatchObject({ reason: 'drained', imagesDone: 1 });
    expect(requests).toEqual([true]);
  });

  it('does not end its machine after a signal', async () => {
    const { own, state } = machine();
    const worker = harness.start({ machine: own });
    worker.drain.abort();
    expect((await worker.summary).reason).toBe('drained');
    expect(state.hasEnded).toBe(false);
  });
});

describe('the worker status', () => {
  it('has the boot milestones from the launch of the machine on', async () => {
    const { own } = machine();
    await harness.submit(['label:cat', 'label:dog']);
    const worker = harness.start({ machine: own });
    await expect
      .poll(async () => (await status().catch(() => undefined))?.boot.firstResultMs, { timeout: 20_000 })
      .toBeDefined();
    const { boot } = await status();
    const {
      runtimeLoadedMs = 0,
      modelReadyMs = 0,
      readyMs = 0,
      firstMessageMs = 0,
      firstResultMs = 0,
    } = boot;
    expect(boot).toMatchObject(own.boot);
    for (const steps of [
      [0, runtimeLoadedMs, modelReadyMs, firstResultMs],
      [0, readyMs, firstMessageMs, modelReadyMs, firstResultMs],
    ]) {
      expect(steps.slice(1)).not.toContain(0);
      expect(steps).toEqual(steps.toSorted((a, b) => a - b));
    }
    worker.drain.abort();
    await worker.summary;
  });

  it('has the number of images by job, and of messages', async () => {
    await harness.submit(['label:cat', 'label:dog']);
    await harness.submit(['label:bird'], 2);
    const worker = harness.start();
    await expect
      .poll(async () => (await status().catch(() => undefined))?.imagesDone, { timeout: 20_000 })
      .toBe(3);
    expect(await status()).toMatchObject({ messagesDone: 2, imagesByJob: { [harness.job]: 3 } });
    worker.drain.abort();
    await worker.summary;
  });

  it('shows the rate of the last work, and within seconds that the worker is idle', async () => {
    await harness.submit([`wait:${gate()}`, 'label:dog']);
    const worker = harness.start();
    await expect
      .poll(async () => (await status().catch(() => undefined))?.state, { timeout: 20_000 })
      .toBe('busy');
    await writeFile(gate(), '');
    const soon = { timeout: 2500, interval: 50 };
    await expect.poll(async () => (await status()).state, soon).toBe('ready');
    const { imagesPerSecond, busyShare } = await status();
    expect(imagesPerSecond).toBeGreaterThan(0);
    expect(busyShare).toBeGreaterThan(0);
    const later = { timeout: 5000, interval: 50 };
    await expect.poll(async () => (await status()).imagesPerSecond, later).toBe(0);
    expect((await status()).busyShare).toBe(0);
    worker.drain.abort();
    await worker.summary;
  });
});
