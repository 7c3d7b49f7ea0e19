import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { monthCostText, readMachineCost, readMonthCost } from '../../../src/cli/fleet/status-cost.ts';
import { StatusReader } from '../../../src/cli/fleet/status-read.ts';
import { statusText } from '../../../src/cli/fleet/status-text.ts';
import { type ClusterObservation, toView } from '../../../src/cli/fleet/status-view.ts';
import { screenful } from '../../../src/cli/terminal/screen.ts';
import type { Cloud } from '../../../src/core/cloud/ports.ts';
import type { ControllerReport, WorkerStatus } from '../../../src/core/fleet/fleet.ts';
import { createJob, finishJob, readJob } from '../../../src/core/job/job-record.ts';
import {
  activeKey,
  CONTROLLER_LOCK_KEY,
  CONTROLLER_REPORT_KEY,
  deadLetterQueueName,
  requestQueueName,
  shardKey,
  workerStatusKey,
} from '../../../src/core/job/keys.ts';
import { readJobCost, writeJobCosts } from '../../../src/core/money/job-cost.ts';
import { MACHINE_PRICES } from '../../../src/core/money/machine-prices.ts';
import { monthOf } from '../../../src/core/money/month.ts';
import { createLocalCloud } from '../../../src/local/cloud.ts';
import { virtualClock } from '../virtual-clock.ts';

const NOW = 1_700_000_000_000;
const worker = (changes: Partial<WorkerStatus> = {}): WorkerStatus => ({
  v: 1,
  id: 'w-1',
  state: 'busy',
  host: 'here',
  managed: true,
  pid: 1,
  startedAtMs: NOW - 90_000,
  updatedAtMs: NOW - 1000,
  boot: {},
  imagesDone: 640,
  imagesPerSecond: 8,
  runners: 1,
  rssBytes: 230_000_000,
  peakRssBytes: 230_000_000,
  models: [],
  version: '0',
  ...changes,
});
const report = (changes: Partial<ControllerReport> = {}): ControllerReport => ({
  v: 1,
  holder: 'holder',
  epoch: 3,
  updatedAtMs: NOW - 1000,
  driver: 'process',
  policy: 'backlog',
  min: 0,
  max: 4,
  target: 2,
  reason: '160 images need 2',
  warnings: [],
  machines: [],
  measured: {},
  cost: { sinceMs: NOW, totalUsd: 0.0123, unattributedUsd: 0, byJobUsd: {}, hourlyUsd: 0.2 },
  ...changes,
});
const seen = (changes: Partial<ClusterObservation> = {}): ClusterObservation => ({
  cluster: 'default',
  cloud: 'local',
  atMs: NOW,
  lock: { holder: 'holder', epoch: 3, renewedAtMs: NOW - 3000, unchangedForMs: 0 },
  report: report(),
  requests: { waiting: 4, inFlight: 1, delayed: 0 },
  deadLetters: { waiting: 0, inFlight: 0, delayed: 0 },
  workers: [worker()],
  jobs: [{ id: 'JOB', state: 'sealed', total: 100, done: 20, usd: 0.5 }],
  ...changes,
});
const text = (changes: Partial<ClusterObservation> = {}) => statusText(toView(seen(changes)));

describe('the status of a cluster', () => {
  it('gives the reason for the size of the fleet and the holder of the lock', () => {
    expect(text()).toMatch(/holder, epoch 3, lock renewed 3 s ago/);
    expect(text()).toMatch(
      /target 2 workers, scales from 0 to 4 \(process fleet, policy backlog\)\n.*reason: 160 images need 2/,
    );
    expect(text({ report: report({ warnings: ['The cost cap is reached.'] }) })).toMatch(
      /WARNING: The cost cap/,
    );
  });

  it('says of how many workers the controller has only estimates', () => {
    expect(text({ report: report({ unreadStatuses: 2345 }) })).toMatch(
      /estimates: of 2345 workers it knows the status of up to a minute ago/,
    );
    expect(text()).not.toMatch(/estimates/);
  });

  it('says when work is expected, why, and when workers start', () => {
    const expected = {
      launchAtMs: NOW + 288_000,
      atMs: NOW + 360_000,
      untilMs: NOW + 380_000,
      workMs: 15_000,
      rhythm: 'every hour, 5 of the last 6 times',
    };
    const line = (changes: Partial<typeof expected>) =>
      text({ report: report({ expected: { ...expected, ...changes } }) });
    expect(line({})).toMatch(
      /forecast: work is expected in 6 min \(every hour, 5 of the last 6 times\); workers start in 5 min\n/,
    );
    expect(line({ launchAtMs: NOW - 1 })).toMatch(/expected in 6 min .*; workers are started\n/);
    expect(line({ launchAtMs: NOW - 2, atMs: NOW - 1 })).toMatch(/expected now .*; workers are started\n/);
    expect(line({ untilMs: NOW - 1 })).not.toMatch(/forecast/);
  });

  it('says how to start a controller when none is running', () => {
    expect(text({ lock: undefined, report: undefined })).toMatch(
      /none running\. Start one with "imgcls scale --max 4"/,
    );
    expect(text({ lock: { holder: undefined, epoch: 3, renewedAtMs: NOW, unchangedForMs: 0 } })).toMatch(
      /none running/,
    );
  });

  it('says that a controller has ended when its lock does not change', () => {
    const lock = { holder: 'holder', epoch: 3, renewedAtMs: NOW - 12_000, unchangedForMs: 12_000 };
    expect(text({ lock })).toMatch(/ended, lock unchanged for 12 s/);
  });

  it('says at once that a controller of this machine has ended when its process is gone', () => {
    const lock = {
      holder: 'holder',
      epoch: 3,
      renewedAtMs: NOW - 1000,
      unchangedForMs: 0,
      hasHolderEnded: true,
    };
    expect(text({ lock })).toMatch(/ended, its process is gone\. Start one with "imgcls scale --max 4"/);
    expect(text({ lock }), 'its report is not of now').toMatch(/policy backlog\), as of/);
  });

  it('gives a controller on AWS more time, as it renews less often', () => {
    const lock = { holder: 'holder', epoch: 3, renewedAtMs: NOW - 75_000, unchangedForMs: 59_000 };
    expect(text({ cloud: 'aws', lock })).not.toMatch(/ended/);
    expect(text({ cloud: 'aws', lock: { ...lock, renewedAtMs: NOW - 81_000 } })).toMatch(/probably ended/);
    expect(text({ cloud: 'aws', lock: { ...lock, unchangedForMs: 60_000 } })).toMatch(
      /: ended, lock unchanged/,
    );
    expect(text({ cloud: 'local', lock: { ...lock, unchangedForMs: 0 } })).toMatch(/probably ended/);
    expect(text({ cloud: 'local', lock: { ...lock, ttlMs: 60_000 } })).not.toMatch(/ended/);
  });

  it('gives the age of a stale report; the limit depends on the report interval', () => {
    const lastly = (ageMs: number) => report({ updatedAtMs: NOW - ageMs });
    expect(text({ cloud: 'aws', report: lastly(100_000) })).not.toMatch(/as of/);
    expect(text({ cloud: 'aws', report: lastly(105_000) })).toMatch(/policy backlog\), as of 105 s ago/);
    expect(text({ cloud: 'local', report: lastly(60_000) })).toMatch(/as of 60 s ago/);
  });

  it('gives throughput and the time left, of the backlog and of each job', () => {
    const jobs = [
      { id: 'SMALL', state: 'sealed', total: 20, done: 4, usd: undefined },
      { id: 'LARGE', state: 'sealed', total: 100, done: 20, usd: 0.5 },
      { id: 'OPEN', state: 'open', total: undefined, done: 0, usd: undefined },
    ] as const;
    const view = toView(seen({ jobs }));
    expect(view).toMatchObject({ imagesPerSecond: 8, backlogImages: 80, backlogMs: 10_000 });
    expect(view.jobMs, 'jobs share the fleet fairly').toEqual({ SMALL: 6000, LARGE: 22_000 });
    expect(statusText(view)).toMatch(/SMALL +running +4 of 20 +6 s +-/);
    expect(statusText(view)).toMatch(/LARGE +running +20 of 100 +22 s +\$0\.5000/);
    expect(statusText(view)).toMatch(/OPEN +uploading +0 of \? +- /);
    const [, , open] = jobs;
    expect(text({ jobs: [{ ...open, interrupted: true }] })).toMatch(/OPEN +interrupted +0 of \? +- /);
  });

  it('gives deadlines and limits of cost, if a job has one', () => {
    const job = { state: 'sealed', total: 100, done: 20, usd: 0.5 } as const;
    const jobs = [
      { id: 'SOON', ...job, deadlineMs: NOW + 600_000, maxCostUsd: 2 },
      { id: 'LATE', ...job, usd: undefined, deadlineMs: NOW - 60_000, maxCostUsd: 1 },
      { id: 'ANY', ...job },
    ];
    const shown = text({ jobs });
    expect(shown).toMatch(/job +state +done +left +deadline +cost/);
    expect(shown).toMatch(/SOON .* in 10 min +\$0\.5000 of \$2\.00/);
    expect(shown).toMatch(/LATE .* 60 s ago +\$0\.00 of \$1\.00/);
    expect(shown).toMatch(/ANY .* s +- +\$0\.5000$/m);
    expect(text({ jobs: jobs.slice(2) })).not.toContain('deadline');
  });

  it('gives no ETA before the first batch completes', () => {
    expect(text({ workers: [] })).toMatch(/ETA unknown until the first batch completes/);
  });

  it('shows each worker, also booting and silent ones', () => {
    const machine = { id: 'w-2', phase: 'booting', launchedAtMs: NOW - 5000, kind: 't3.small' } as const;
    const silent = worker({ id: 'w-3', updatedAtMs: NOW - 100_000 });
    const shown = text({ workers: [worker(), silent], report: report({ machines: [machine] }) });
    expect(shown).toMatch(/3 workers, 8\.0 images\/s/);
    expect(shown).toMatch(/w-1 +busy +8\.0 +640 +90 s +230 MB/);
    expect(shown).toMatch(/w-2 +booting +- +- +5 s +- +t3\.small/);
    expect(shown).toMatch(/w-3 +no status for 100 s, was busy/);
  });

  it('does not show machines that only an ended controller knew', () => {
    const machines = [{ id: 'w-2', phase: 'busy', launchedAtMs: NOW }] as const;
    expect(text({ lock: undefined, report: report({ machines: [...machines] }) })).not.toMatch(/w-2/);
  });

  it('counts dead letters', () => {
    expect(text({ deadLetters: { waiting: 2, inFlight: 0, delayed: 0 } })).toMatch(
      /dead letters 2 requests failed too often/,
    );
    expect(text()).toMatch(/dead letters none/);
  });

  it('shows values that cannot be read as unknown with the reason, and all others', () => {
    const shown = text({
      requests: { unknown: 'no permission' },
      workers: { unknown: 'no network' },
      report: { unknown: 'odd' },
    });
    expect(shown).toMatch(/backlog +unknown: no permission/);
    expect(shown).toMatch(/fleet +unknown: no network/);
    expect(shown).toMatch(/cost +unknown: odd/);
    expect(shown).toMatch(/JOB +running/);
    expect(toView(seen({ workers: { unknown: 'x' } })).imagesPerSecond).toEqual({ unknown: 'x' });
  });

  it('does not show an unknown cost as zero', () => {
    const { cost: _cost, ...priceless } = report();
    expect(text({ report: priceless })).toMatch(/cost +unknown: .*pricePerHour/);
    expect(text()).toMatch(/cost +\$0\.0123 for machines since .*, \$0\.2000 per hour now/);
    const cost = { sinceMs: NOW, totalUsd: 0.0123, unattributedUsd: 0, byJobUsd: {}, hourlyUsd: 0.2 };
    expect(text({ report: report({ cost: { ...cost, unknownSinceMs: NOW } }) })).toMatch(
      /cost +at least \$0\.0123 for machines .*a machine without a price \(set pricePerHour\) since/,
    );
  });

  it('escapes control characters in names', () => {
    expect(text({ workers: [worker({ id: 'w\u001b[2J' })] })).not.toContain('\u001b');
  });
});

describe('a screenful', () => {
  it('replaces the last one and never wraps or scrolls', () => {
    const drawn = screenful('a line that is long\nb\nc\nd\ne\n', { columns: 7, rows: 4 });
    expect(drawn).toBe('\u001b[Ha line\u001b[K\nb\u001b[K\n...\u001b[K\n\u001b[J');
  });
});

describe('reading the status', () => {
  let folder: string;
  let cloud: Cloud;
  const clock = virtualClock(NOW);
  const reader = (of: Cloud = cloud) =>
    new StatusReader({ cloud: of, clock, signal: new AbortController().signal });
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'imgcls-status-'));
    cloud = createLocalCloud({ dataDir: folder, cluster: 'test', clock });
    await cloud.queues.create(deadLetterQueueName('test'));
    await cloud.queues.create(requestQueueName('test'));
  });
  afterEach(async () => {
    await cloud.close();
    await rm(folder, { recursive: true });
  });
  const put = (key: string, value: unknown) => cloud.output.put(key, Buffer.from(JSON.stringify(value)));
  async function job(
    total: number,
    limits: { deadlineMs?: number; maxCostUsd?: number } = {},
  ): Promise<string> {
    const id = ulid();
    const model = { name: 'stub', version: '1', variant: 'fp32', sha256: 'ab'.repeat(32) } as const;
    const nothing = { inputs: [], include: [], exclude: [], topK: 1 };
    await createJob(cloud.output, {
      v: 1,
      id,
      state: 'sealed',
      total,
      createdAtMs: NOW,
      ...nothing,
      ...limits,
      model,
    });
    return id;
  }

  it('of an unused cluster finds nothing, which is not unknown', async () => {
    expect(await reader().read()).toMatchObject({
      lock: undefined,
      report: undefined,
      requests: { waiting: 0 },
      workers: [],
      jobs: [],
    });
  });

  it('counts what is done of unfinished jobs from the ledger, also of repeated and overlapping shards', async () => {
    const id = await job(64);
    const done = await job(1);
    await finishJob(cloud.output, await readJob(cloud.output, done), 0);
    const watching = reader();
    await put(shardKey(id, { attempt: 1, first: 0, last: 15 }), {});
    await put(shardKey(id, { attempt: 2, first: 8, last: 15 }), {});
    await put(shardKey(id, { attempt: 1, first: 32, last: 47 }), {});
    expect((await watching.read()).jobs).toMatchObject([{ id, total: 64, done: 32 }]);
    await put(shardKey(id, { attempt: 1, first: 16, last: 31 }), {});
    await put(shardKey(id, { attempt: 1, first: 48, last: 63 }), {});
    expect((await watching.read()).jobs).toMatchObject([{ id, total: 64, done: 64 }]);
  });

  it('knows a job whose record is not there yet', async () => {
    await cloud.output.put(activeKey('01ARZ3NDEKTSV4RRFFQ69G5FAE'), new Uint8Array());
    expect((await reader().read()).jobs).toMatchObject([
      { id: '01ARZ3NDEKTSV4RRFFQ69G5FAE', state: 'starting', done: 0 },
    ]);
  });

  it('shows what a job has cost, once that was written', async () => {
    const id = await job(10);
    expect(await readJobCost(cloud.output, id)).toBeUndefined();
    await writeJobCosts(cloud.output, { byJobUsd: { [id]: 0.25 } });
    expect(await readJobCost(cloud.output, id)).toBe(0.25);
    expect((await reader().read()).jobs).toMatchObject([{ id, usd: 0.25 }]);
  });

  it('knows the deadline of a job and what it may cost', async () => {
    const id = await job(10, { deadlineMs: NOW, maxCostUsd: 2 });
    expect((await reader().read()).jobs).toMatchObject([{ id, deadlineMs: NOW, maxCostUsd: 2 }]);
  });

  it('tells by watching whether the controller lock is still renewed', async () => {
    const watching = reader();
    const lock = { v: 1, holder: 'h', epoch: 2 };
    await put(CONTROLLER_LOCK_KEY, { ...lock, renewals: 0 });
    await watching.read();
    clock.advance(12_000);
    expect((await watching.read()).lock).toMatchObject({ holder: 'h', epoch: 2, unchangedForMs: 12_000 });
    await put(CONTROLLER_LOCK_KEY, { ...lock, renewals: 1 });
    expect((await watching.read()).lock).toMatchObject({ unchangedForMs: 0 });
  });

  it('tells at the first look that the process of the controller has ended', async () => {
    const process = { machine: 'this', pid: 7 };
    await put(CONTROLLER_LOCK_KEY, { v: 1, holder: 'h', epoch: 2, renewals: 0, process });
    const processes = { own: { machine: 'this', pid: 8 }, hasEnded: ({ pid }: { pid: number }) => pid === 7 };
    expect((await reader().read()).lock).toMatchObject({ hasHolderEnded: false });
    expect((await reader({ ...cloud, processes }).read()).lock).toMatchObject({ hasHolderEnded: true });
  });

  it('keeps one worker that cannot be understood from hiding the others', async () => {
    await put(workerStatusKey('w-1'), worker());
    await put(workerStatusKey('w-2'), { ...worker({ id: 'w-2' }), v: 9 });
    const { workers } = await reader().read();
    expect(workers).toMatchObject([{ id: 'w-1' }, { unknown: expect.stringMatching(/format 9/) }]);
  });

  it('reads the rest when a queue cannot be read', async () => {
    await cloud.queues.remove(requestQueueName('test'));
    const found = await reader().read();
    expect(found.requests).toEqual({ unknown: expect.stringMatching(/Queue .* does not exist/) });
    expect(found.deadLetters).toMatchObject({ waiting: 0 });
  });

  it('says of a month that its controllers counted only in part that the workers cost at least so much', async () => {
    const nowMs = Date.UTC(2026, 10, 30);
    const present = { sinceMs: 0, totalUsd: 9, unattributedUsd: 0, byJobUsd: {}, hourlyUsd: 0 };
    const inNovember = async (month: NonNullable<ControllerReport['cost']>['month']) => {
      const cost = { ...present, ...(month && { month }) };
      await put(CONTROLLER_REPORT_KEY, report({ cost }));
      return monthCostText(await readMonthCost(cloud, nowMs, new AbortController().signal));
    };
    expect(await inNovember(undefined)).toMatch(/workers +at least \$0/);
    expect(await inNovember({ name: '2026-11', usd: 4, isLowerBound: true })).toMatch(
      /workers +at least \$4/,
    );
    expect(await inNovember({ name: '2026-11', usd: 4 })).toMatch(/workers +\$4/);
    expect(await inNovember({ name: '2026-10', usd: 4, isLowerBound: true })).toMatch(/workers +\$0/);
  });

  it('says of the month on AWS that its prices are old, unless pricePerHour is set', async () => {
    const onAws: Cloud = { ...cloud, kind: 'aws' };
    const { cost } = report();
    const oldAtMs = Date.parse(MACHINE_PRICES.asOf) + 100 * 24 * 3_600_000;
    const text = async (changes: Partial<ControllerReport>, readFrom = onAws) => {
      await put(CONTROLLER_REPORT_KEY, report({ cost, ...changes }));
      const machines = await readMachineCost(readFrom, oldAtMs, new AbortController().signal);
      return monthCostText({ v: 1, month: monthOf(oldAtMs), machines });
    };
    const warned = /^workers .*\n {13}warning: The prices of machines are of .* may have changed/m;
    expect(await text({})).toMatch(warned);
    expect(await text({ settings: { pricePerHour: { value: 0.1, from: 'cluster' } } })).not.toMatch(
      /warning/,
    );
    expect(await text({}, cloud)).not.toMatch(/warning/);
  });
});
