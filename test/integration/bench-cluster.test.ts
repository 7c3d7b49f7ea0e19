/** How `imgcls bench` waits for a cluster whose fleet it does not control. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ClusterSiteOptions, countWorkers, openClusterSite } from '../../src/bench/cluster-site.ts';
import type { Cloud } from '../../src/core/cloud/ports.ts';
import type { WorkerStatus } from '../../src/core/fleet/fleet.ts';
import { workerStatusKey } from '../../src/core/job/keys.ts';
import { createLocalCloud } from '../../src/local/cloud.ts';
import { virtualClock } from '../unit/virtual-clock.ts';

let folder: string;
let cloud: Cloud;
let clock: ReturnType<typeof virtualClock>;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'imgcls-bench-cluster-'));
  clock = virtualClock(Date.now());
  cloud = createLocalCloud({ dataDir: folder, cluster: 'default', clock });
});
afterEach(async () => {
  await cloud.close();
  await rm(folder, { recursive: true, force: true });
});

async function report(id: string, boot: WorkerStatus['boot']): Promise<void> {
  const status: WorkerStatus = {
    v: 1,
    id,
    state: 'ready',
    host: 'host',
    managed: true,
    pid: 1,
    startedAtMs: clock.nowMs(),
    updatedAtMs: clock.nowMs(),
    boot,
    imagesDone: 0,
    imagesPerSecond: 0,
    runners: 1,
    rssBytes: 0,
    peakRssBytes: 0,
    models: [],
    version: '0.1.0',
  };
  await cloud.output.put(workerStatusKey(id), Buffer.from(JSON.stringify(status)));
}
const leave = (id: string) => cloud.output.delete([workerStatusKey(id)]);
const boot = { launchToProcessMs: 20_000, readyMs: 300, modelReadyMs: 900, firstResultMs: 1500 };

function open(changes: Partial<ClusterSiteOptions> = {}) {
  const { signal } = new AbortController();
  return openClusterSite({
    output: cloud.output,
    env: {},
    submitWarmUp: async () => {},
    progress: () => {},
    clock,
    signal,
    ...changes,
  });
}

describe('a cold start on a cluster', () => {
  it('waits until every worker has ended', async () => {
    await report('i-1', boot);
    const shown: string[] = [];
    const site = open({
      progress(text) {
        shown.push(text);
        if (shown.length === 3) void leave('i-1');
      },
    });
    await site.prepare('cold');
    expect(shown.length).toBeGreaterThanOrEqual(3);
    expect(shown[0]).toBe('waiting until no worker runs (now 1)');
    expect(await countWorkers(cloud.output, clock)).toBe(0);
  });

  it('does not wait for a killed worker that left its status', async () => {
    await report('i-1', boot);
    clock.advance(61_000);
    await open().prepare('cold');
  });

  it('times out if the cluster keeps its workers', async () => {
    const sleep = async (ms: number) => {
      clock.advance(ms);
      await report('i-1', boot);
    };
    await report('i-1', boot);
    const waiting = open({ clock: { ...clock, sleep } }).prepare('cold');
    await expect(waiting).rejects.toThrow(/The cluster still has 1 worker after 30 minutes/);
  });
});

describe('a boot on a cluster', () => {
  it('is that of the worker that was launched for it, from the launch of its machine', async () => {
    await report('i-killed', { ...boot, launchToProcessMs: 1 });
    clock.advance(61_000);
    expect(await open({ submitWarmUp: () => report('i-2', boot) }).boot()).toEqual({
      readyMs: 20_900,
      milestones: { processMs: 20_000, readyMs: 20_300, modelReadyMs: 20_900, firstResultMs: 21_500 },
    });
  });
});

describe('a warm start on a cluster', () => {
  it('submits a warm-up job first, and again when the workers have ended meanwhile', async () => {
    let submitted = 0;
    const site = open({
      async submitWarmUp() {
        submitted++;
        await report('i-1', boot);
      },
    });
    await site.prepare('warm');
    await site.prepare('warm');
    expect(submitted).toBe(1);
    await leave('i-1');
    await site.prepare('warm');
    expect(submitted).toBe(2);
  });
});
