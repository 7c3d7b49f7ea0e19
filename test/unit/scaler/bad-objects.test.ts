/** Whatever lies where the controller reads, it launches for waiting work and reports within two ticks. */
import { describe, expect, it } from 'vitest';
import type { Store } from '../../../src/core/cloud/ports.ts';
import { findJobCost, writeJobCosts } from '../../../src/core/money/job-cost.ts';
import { NewerVersionError, ObjectDamagedError, PoisonError } from '../../../src/core/runtime/errors.ts';
import { type Log, noLog } from '../../../src/core/runtime/log.ts';
import { Controller } from '../../../src/scaler/controller.ts';
import { readHistory, writeHistory } from '../../../src/scaler/history.ts';
import { LockKeeper } from '../../../src/scaler/lock.ts';
import { Observer } from '../../../src/scaler/observe.ts';
import { findReport, readReport, writeReport } from '../../../src/scaler/report.ts';
import { SteppingClock } from '../worker/stepping-clock.ts';
import { CountingStore, IdleCloud, ListedFleet } from './idle-world.ts';

const TICK_MS = 5000;
const TTL_MS = 60_000;
const JOB = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
const OTHER = '01ARZ3NDEKTSV4RRFFQ69G5FAW';

const status = (over: object) =>
  JSON.stringify({
    v: 1,
    id: 'w',
    state: 'ready',
    host: 'h',
    managed: true,
    pid: 1,
    startedAtMs: 0,
    updatedAtMs: 0,
    boot: {},
    imagesDone: 0,
    imagesPerSecond: 0,
    runners: 1,
    rssBytes: 0,
    peakRssBytes: 0,
    models: [],
    version: '0',
    ...over,
  });
const record = (over: object) =>
  JSON.stringify({
    v: 1,
    id: JOB,
    state: 'open',
    createdAtMs: 0,
    inputs: [],
    include: [],
    exclude: [],
    topK: 1,
    model: { name: 'm', version: '1', variant: 'fp32', sha256: 'a'.repeat(64) },
    ...over,
  });
const report = (over: object) =>
  JSON.stringify({
    v: 1,
    holder: 'another',
    epoch: 1,
    updatedAtMs: 0,
    driver: 'ec2',
    policy: 'backlog',
    min: 0,
    max: 4,
    target: 0,
    reason: '',
    warnings: [],
    machines: [],
    measured: {},
    ...over,
  });
const lock = (over: object) =>
  JSON.stringify({ v: 1, holder: 'another', epoch: 1, renewals: 0, ttlMs: TTL_MS, ...over });

/** A cluster with work. `faultOf` decides which error a read of a key throws. */
function newCluster(faultOf: (key: string) => Error | undefined = () => undefined) {
  const clock = new SteppingClock();
  const objects = new CountingStore(clock);
  const cloud = new IdleCloud(clock, objects);
  cloud.waiting = 100;
  const open = objects.open();
  const get: Store['get'] = async (key, ...rest) => {
    const fault = faultOf(key);
    if (fault !== undefined) throw fault;
    return await open.get(key, ...rest);
  };
  const store: Store = { ...open, get };
  const fleet = new ListedFleet(clock);
  const driver = fleet.open('us');
  const warned: string[] = [];
  const log: Log = { ...noLog, warn: (_, message) => warned.push(message) };
  const keeper = new LockKeeper({ store, holder: 'us', clock, ttlMs: TTL_MS });
  const controller = new Controller({
    lock: keeper,
    driver,
    observer: new Observer({
      output: store,
      requests: cloud.queue('request'),
      interactive: cloud.queue('interactive'),
      driver,
      prior: { imagesPerSecond: 10, bootMs: 70_000 },
      readModelCosts: async () => ({}),
      restingListEveryMs: 0,
      clock,
    }),
    reports: {
      read: () => findReport(store),
      write: (each) => writeReport(store, each),
      readJobCost: (job) => findJobCost(store, job),
      writeJobCosts: (byJobUsd) => writeJobCosts(store, { byJobUsd }),
      readHistory: () => readHistory(store),
      writeHistory: (history) => writeHistory(store, history),
    },
    settings: {
      policy: 'backlog',
      min: 0,
      max: 4,
      maxLaunchPerTick: 100,
      cooldownMs: 10_000,
      idleMs: undefined,
      targetMs: 120_000,
      billingMinimumMs: 60_000,
      hourlyUsd: 0.1,
      maxHourlyCostUsd: undefined,
      maxJobCostUsd: 1,
    },
    bootDeadlineMs: 600_000,
    reportEveryMs: 60_000,
    holder: 'us',
    driverName: 'ec2',
    clock,
    log,
  });
  return {
    clock,
    fleet,
    warned,
    text: async (key: string) => String((await open.get(key)).body),
    put: (key: string, text: string) => store.put(key, Buffer.from(text)),
    keep: () => keeper.keep(),
    async tick() {
      await clock.advance(TICK_MS);
      await keeper.keep();
      return await controller.tick();
    },
    reported: () => readReport(open),
  };
}

describe('the controller launches and reports within two ticks beside', () => {
  it.each<[string, Record<string, string>]>([
    ['a status that is not JSON', { 'fleet/w.json': 'not JSON' }],
    ['a status of a newer format', { 'fleet/w.json': '{"v":2}' }],
    ['a status of the wrong shape', { 'fleet/w.json': status({ imagesDone: -1 }) }],
    [
      'a status with a rate that no machine has',
      { 'fleet/w.json': status({ busyShare: 1, imagesPerSecond: 1e300 }) },
    ],
    ['a copy of a status', { 'fleet/w.json': status({}), 'fleet/copy.json': status({}) }],
    ['foreign objects in the folder of statuses', { 'fleet/': '', 'fleet/a/b': 'x', 'fleet/notes.txt': 'x' }],
    ['foreign objects in the folder of markers', { 'active/': '', 'active/../x': '', 'active/notes': 'x' }],
    ['a marker without a job', { [`active/${JOB}`]: '' }],
    ['a record that is not JSON', { [`active/${JOB}`]: '', [`jobs/${JOB}/job.json`]: '{"v":1,' }],
    ['a record of a newer format', { [`active/${JOB}`]: '', [`jobs/${JOB}/job.json`]: '{"v":2}' }],
    ['a record with another id', { [`active/${JOB}`]: '', [`jobs/${JOB}/job.json`]: record({ id: OTHER }) }],
    [
      'a cost that is not JSON',
      { [`active/${JOB}`]: '', [`jobs/${JOB}/job.json`]: record({}), [`jobs/${JOB}/cost.json`]: 'x' },
    ],
    [
      'a cost of a newer format',
      { [`active/${JOB}`]: '', [`jobs/${JOB}/job.json`]: record({}), [`jobs/${JOB}/cost.json`]: '{"v":2}' },
    ],
    ['a report that is not JSON', { 'controller/report.json': 'x' }],
    ['a report of the wrong shape', { 'controller/report.json': report({ machines: {} }) }],
    [
      'a report with times in the future',
      {
        'controller/report.json': report({
          updatedAtMs: 1e15,
          lastLaunchAtMs: 1e15,
          cost: { sinceMs: 1e15, totalUsd: 1, unattributedUsd: 1, byJobUsd: { x: 0 }, hourlyUsd: 0 },
        }),
      },
    ],
    ['a history that is not JSON', { 'controller/history.json': 'x' }],
    ['a history of a newer format', { 'controller/history.json': '{"v":2}' }],
  ])('%s', async (_, objects) => {
    const cluster = newCluster();
    for (const [key, text] of Object.entries(objects)) await cluster.put(key, text);
    await cluster.tick();
    await cluster.tick();
    expect(cluster.fleet.launches).not.toEqual([]);
    expect(await cluster.reported()).toMatchObject({ holder: 'us', warnings: [] });
  });

  it.each([
    ['damaged', new ObjectDamagedError('b', 'k', 'its file is lost')],
    ['too large', new PoisonError('The object has 70 MB.')],
    ['of a newer format', new NewerVersionError('record of a job', { found: 2, known: 1 })],
  ])('objects of one worker and one job that are %s', async (_, error) => {
    const cluster = newCluster((key) => (/fleet\/w\.json|jobs\/.*FAV\/job/.test(key) ? error : undefined));
    await cluster.put('fleet/w.json', status({}));
    for (const id of [JOB, OTHER]) {
      await cluster.put(`active/${id}`, '');
      await cluster.put(`jobs/${id}/job.json`, record({ id }));
    }
    await cluster.tick();
    const tick = await cluster.tick();
    expect(cluster.fleet.launches).not.toEqual([]);
    expect(tick?.observation.snapshot.jobs).toMatchObject([{ id: OTHER }]);
  });
});

describe('what an earlier controller counted', () => {
  const withJob = async (cost: string) => {
    const cluster = newCluster();
    await cluster.put(`active/${JOB}`, '');
    await cluster.put(`jobs/${JOB}/job.json`, record({}));
    await cluster.put(`jobs/${JOB}/cost.json`, cost);
    return cluster;
  };
  const run = async (cluster: ReturnType<typeof newCluster>) => {
    for (let ticks = 0; ticks < 3; ticks++) await cluster.tick();
  };

  it('for a job and cannot be read begins anew, with one warning', async () => {
    const cluster = await withJob('damaged');
    await run(cluster);
    expect(cluster.warned).toEqual(['The stored cost of a job cannot be read; its cost starts anew.']);
  });

  it('for a job in a newer format is not taken for nothing: one warning says so', async () => {
    const cluster = await withJob('{"v":2,"usd":3}');
    await run(cluster);
    expect(cluster.fleet.launches).not.toEqual([]);
    expect(cluster.warned).toEqual(['Failed to read the cost of a job; will retry.']);
  });

  it('in all and cannot be read begins anew, with one warning', async () => {
    const cluster = newCluster();
    await cluster.put('controller/report.json', report({ machines: {} }));
    await run(cluster);
    expect(cluster.warned).toEqual([
      'The report of the last controller cannot be read; the total cost of the fleet starts anew.',
    ]);
  });

  it('in all in a newer format is not replaced: the controller does not act', async () => {
    const cluster = newCluster();
    const newer = report({ v: 2 });
    await cluster.put('controller/report.json', newer);
    for (let ticks = 0; ticks < 3; ticks++) await expect(cluster.tick()).rejects.toThrow(/format 2/);
    expect(cluster.fleet.launches).toEqual([]);
    expect(await cluster.text('controller/report.json')).toBe(newer);
  });
});

describe('a controller lock', () => {
  it('that is damaged while it is held is held again at the next renewal, with a new epoch', async () => {
    const cluster = newCluster();
    const { report: first } = (await cluster.tick()) ?? {};
    await cluster.put('locks/controller.json', 'not a lock');
    const { report: second } = (await cluster.tick()) ?? {};
    expect(second?.epoch).toBeGreaterThan(first?.epoch ?? 0);
  });

  it.each([
    ['that is damaged', 'not a lock', TTL_MS],
    ['with a time to live that no build has', lock({ ttlMs: 1e15 }), 600_000],
  ])('%s is taken when it has expired', async (_, text, expiresMs) => {
    const cluster = newCluster();
    await cluster.put('locks/controller.json', text);
    await cluster.keep();
    await cluster.clock.advance(expiresMs - 2 * TICK_MS);
    expect(await cluster.tick()).toBeUndefined();
    expect(await cluster.tick()).toBeDefined();
  });
});
