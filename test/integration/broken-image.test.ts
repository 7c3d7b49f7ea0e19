/** What a controller buys of machines that never become ready, and what it says. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CreateLaunchTemplateCommand, DescribeInstancesCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createEc2Client } from '../../src/aws/clients.ts';
import { createEc2 } from '../../src/aws/ec2.ts';
import type { Queue, Store } from '../../src/core/cloud/ports.ts';
import type { ControllerReport } from '../../src/core/fleet/fleet.ts';
import { noLog } from '../../src/core/runtime/log.ts';
import { Controller } from '../../src/scaler/controller.ts';
import { createAsgFleet } from '../../src/scaler/drivers/asg.ts';
import { createEc2Fleet } from '../../src/scaler/drivers/ec2.ts';
import { createProcessFleet } from '../../src/scaler/drivers/process.ts';
import type { FleetDriver } from '../../src/scaler/fleet.ts';
import { Observer } from '../../src/scaler/observe.ts';
import { type FaultProxy, startFaultProxy } from '../contract/fault-proxy.ts';
import { type Moto, standInEnvironment, startMoto } from '../contract/moto.ts';
import { until } from '../contract/until.ts';
import { AsgWorld, GROUP } from '../unit/scaler/drivers/asg-world.ts';
import { JobWorld } from '../unit/scaler/job-world.ts';
import { virtualClock } from '../unit/virtual-clock.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const PANIC = 'Kernel panic - not syncing: No working init found.';
/** A warning of the third failed launch. */
const WARNING = /^The last 3 launches failed\. Worker i-\w+: it was not ready within 600 s\. .*Kernel panic/;

const warned = (reports: readonly ControllerReport[]): string[] => [
  ...new Set(reports.flatMap(({ warnings }) => warnings)),
];

/** A controller over a queue that always has work, and workers that never report. */
function controllerOf(driver: FleetDriver, clock: ReturnType<typeof virtualClock>, billingMinimumMs: number) {
  const reports: ControllerReport[] = [];
  const waiting = { depth: async () => ({ waiting: 10_000, inFlight: 0, delayed: 0 }) } as unknown as Queue;
  const empty = { depth: async () => ({ waiting: 0, inFlight: 0, delayed: 0 }) } as unknown as Queue;
  const output = { list: async function* () {} } as unknown as Store;
  const controller = new Controller({
    lock: { epoch: 1, isInherited: false },
    driver,
    observer: new Observer({
      output,
      requests: waiting,
      interactive: empty,
      driver,
      prior: { imagesPerSecond: 10, bootMs: 70_000 },
      readModelCosts: async () => ({}),
      restingListEveryMs: 0,
      clock,
    }),
    reports: {
      read: async () => undefined,
      write: async (report) => void reports.push(report),
      readJobCost: async () => undefined,
      writeJobCosts: async () => {},
      readHistory: async () => [],
      writeHistory: async () => {},
    },
    settings: {
      policy: 'backlog',
      min: 0,
      max: 20,
      maxLaunchPerTick: 100,
      cooldownMs: 10_000,
      idleMs: undefined,
      targetMs: 120_000,
      billingMinimumMs,
      hourlyUsd: 0.1,
      maxHourlyCostUsd: undefined,
      maxJobCostUsd: undefined,
    },
    bootDeadlineMs: 10 * MINUTE,
    reportEveryMs: MINUTE,
    holder: 'us',
    driverName: 'test',
    clock,
    log: noLog,
  });
  return { controller, reports };
}

describe('24 hours of a broken image of which no machine has ever worked, with --max 20', () => {
  const work = {
    jobs: [{ id: 'A', images: 1_000_000 }],
    settings: { max: 20 },
    image: 'ami-1',
    isBroken: () => true,
  };

  it('are three machines and one warning, from a controller that leaves and comes back every quarter of an hour', async () => {
    const world = new JobWorld(work);
    for (let shift = 0; shift < 24 * 4; shift++) {
      await world.run(HOUR / 4);
      world.controller = world.newController({ goesOn: true });
    }
    expect(world.launches.map(({ count }) => count)).toEqual([1, 1, 1]);
    expect(warned(world.reports)).toEqual([expect.stringMatching(WARNING)]);
    expect(warned(world.reports)[0]).toContain('No worker has worked from machine image ami-1 yet');
  });
});

describe('a good new image', () => {
  const work = { jobs: [{ id: 'A', images: 1_000_000 }], settings: { max: 20 } };

  it('gives the first outcome as soon as one that worked before, and the other machines once it has', async () => {
    const worlds = [new JobWorld(work), new JobWorld({ ...work, image: 'ami-1' })] as const;
    for (const world of worlds) await world.run(10 * MINUTE);
    const [before, first] = worlds.map(({ instances: [instance] }) => instance?.launched);
    expect(first).toBe(before);
    expect(worlds[1].launches.map(({ count }) => count)).toEqual([1, 19]);
    const [one = 0, rest = 0] = worlds[1].launches.map(({ atMs }) => atMs);
    expect(rest - one).toBeLessThanOrEqual(90_000);
  });
});

describe('24 hours of a broken image with --max 20, if machines of it worked before', () => {
  const work = { jobs: [{ id: 'A', images: 1_000_000 }], settings: { max: 20 }, isBroken: () => true };

  it('are at most 12 launches, with a warning from the first on that names the reason', async () => {
    const world = new JobWorld(work);
    await world.run(24 * HOUR);
    expect(world.launches.length).toBeLessThanOrEqual(12);
    expect(world.launches.map(({ count }) => count)).toEqual([
      20,
      ...Array(world.launches.length - 1).fill(1),
    ]);
    const all = warned(world.reports);
    expect(all[0]).toMatch(
      /^The last launch failed, of 20 workers\. Worker i-\w+: it was not ready within 600 s\./,
    );
    expect(all.find((warning) => warning.includes('The last 3 launches'))).toMatch(WARNING);
    expect(world.reports.at(-1)?.warnings.join()).toMatch(/The last \d+ launches failed.*Kernel panic/);
    expect(world.reports.at(-1)?.reason).toMatch(/the last \d+ launches failed, the next launch is at /);
  });

  it('are one batch and single machines also where --max would allow ten such batches', async () => {
    const jobs = [{ id: 'A', images: 24_000 }];
    const world = new JobWorld({ ...work, jobs, settings: { max: 100 } });
    await world.run(24 * HOUR);
    const [batch = 0, ...others] = world.launches.map(({ count }) => count);
    expect(batch).toBeGreaterThan(5);
    expect(batch).toBeLessThan(15);
    expect(others).toEqual(Array(others.length).fill(1));
    expect(world.launches.length).toBeLessThanOrEqual(12);
    expect(world.paidUsd).toBeLessThan((batch + others.length) * 0.36 * (11 / 60));
  });

  it('are one batch also where controllers hand over to each other before it has failed', async () => {
    const world = new JobWorld({ ...work, jobs: [{ id: 'A', images: 24_000 }], settings: { max: 100 } });
    for (let shift = 0; shift < 12; shift++) {
      await world.run(4 * MINUTE);
      world.controller = world.newController({ goesOn: true });
    }
    expect(world.launches.slice(1).map(({ count }) => count)).toEqual(
      Array(world.launches.length - 1).fill(1),
    );
  });

  it('are never twenty machines again, although the controller is replaced every hour', async () => {
    const world = new JobWorld(work);
    for (let hour = 0; hour < 24; hour++) {
      await world.run(HOUR);
      world.controller = world.newController();
    }
    expect(world.launches.slice(1).every(({ count }) => count === 1)).toBe(true);
    // One in the first pause of each controller, and those of the first hour.
    expect(world.launches.length).toBeLessThanOrEqual(24 + 4);
  });

  it('end with the first machine of a repaired image', async () => {
    let isBroken = true;
    const world = new JobWorld({ ...work, isBroken: () => isBroken });
    await world.run(3 * HOUR);
    isBroken = false;
    const before = world.launches.length;
    await world.run(3 * HOUR);
    expect(world.launches.slice(before, before + 2).map(({ count }) => count)).toEqual([1, 19]);
    expect(world.reports.at(-1)?.warnings).toEqual([]);
  });
});

describe('24 hours of a broken image in an Auto Scaling group', () => {
  it('are at most 12 launches, the requested instances that AWS has not launched yet included', async () => {
    const world = Object.assign(new AsgWorld(), { max: 20 });
    const clock = virtualClock();
    const driver = createAsgFleet({
      autoScaling: world.autoScaling,
      ec2: world.ec2,
      group: GROUP,
      maxLifetimeMs: 48 * HOUR,
      priceOf: () => 0.1,
      hourlyUsd: 0.1,
      clock,
    });
    const { controller, reports } = controllerOf(driver, clock, MINUTE);
    let launches = 0;
    for (const endMs = clock.nowMs() + 24 * HOUR; clock.nowMs() < endMs; clock.advance(20_000)) {
      const tick = await controller.tick();
      if ((tick?.decision.launch ?? 0) > 0) launches++;
      // AWS launches three ticks later.
      if (clock.nowMs() % MINUTE === 0) world.settle();
    }
    expect(launches).toBeLessThanOrEqual(12);
    expect(Math.max(...world.sets.slice(1))).toBe(1);
    expect(warned(reports)[0]).toMatch(
      /^The last launch failed, of 20 workers\. Worker i-\d+: it was not ready within 600 s\./,
    );
  });
});

const moto: Moto | undefined = await startMoto();
const proxy: FaultProxy | undefined = moto && (await startFaultProxy(moto.url));

describe.skipIf(proxy === undefined)('24 hours of a broken new image over the API of EC2', () => {
  let client: EC2Client;
  beforeAll(async () => {
    for (const [name, value] of Object.entries(standInEnvironment(proxy?.url ?? ''))) vi.stubEnv(name, value);
    client = createEc2Client();
    const LaunchTemplateData = { ImageId: 'ami-12c6146b', InstanceType: 'c7i.large' as const };
    await client.send(new CreateLaunchTemplateCommand({ LaunchTemplateName: 'broken', LaunchTemplateData }));
  });
  afterAll(async () => {
    client?.destroy();
    await proxy?.close();
    await moto?.close();
    vi.unstubAllEnvs();
  });

  it('are three machines and one warning, which names the reason', async () => {
    proxy?.inject({
      of: ({ action }) => action === 'GetConsoleOutput',
      times: Number.POSITIVE_INFINITY,
      answer: async () => ({
        status: 200,
        headers: { 'content-type': 'text/xml' },
        body: `<GetConsoleOutputResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><output>${btoa(`booting\r\n${PANIC}\r\n`)}</output></GetConsoleOutputResponse>`,
      }),
    });
    const clock = virtualClock(Date.now());
    const driver = createEc2Fleet({
      ec2: createEc2(client),
      cluster: 'broken',
      template: 'broken',
      pools: [{}],
      onDemandPercentage: 100,
      warm: 0,
      maxLifetimeMs: 48 * HOUR,
      priceOf: () => 0.1,
      types: ['c7i.large'],
      image: 'ami-12c6146b',
      clock,
    });
    const { controller, reports } = controllerOf(driver, clock, MINUTE);
    const endMs = clock.nowMs() + 24 * HOUR;
    while (clock.nowMs() < endMs) {
      const { report } = (await controller.tick()) ?? {};
      // Moto takes a tenth of a second for a tick, so the test skips the pauses.
      const [, next = ''] = /the next launch is at (\S+Z)/.exec(report?.reason ?? '') ?? [];
      clock.advance(Math.max(5 * MINUTE, (Date.parse(next) || 0) - clock.nowMs()));
    }
    const launches = proxy?.requests.filter(({ action }) => action === 'RunInstances') ?? [];
    expect(launches).toHaveLength(3);
    const { Reservations = [] } = await client.send(new DescribeInstancesCommand({}));
    expect(Reservations.flatMap(({ Instances = [] }) => Instances)).toHaveLength(3);
    expect(warned(reports)).toEqual([expect.stringMatching(WARNING)]);
  });
});

describe('worker processes that end as soon as they start', () => {
  let folder: string;
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('are tried three times with pauses, then the reason has the end of the log and its path', async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'imgcls-broken-'));
    const clock = virtualClock(Date.now());
    let launched = 0;
    const driver = createProcessFleet({
      output: { list: async function* () {} } as unknown as Store,
      command: [
        process.execPath,
        path.join(import.meta.dirname, '../contract/children/worker-stand-in.ts'),
        'crash',
      ],
      env: process.env,
      logDir: folder,
      host: 'here',
      clock,
      newWorkerId: () => `w-${++launched}`,
    });
    const { controller, reports } = controllerOf(driver, clock, 0);
    let blockage: string | undefined;
    for (let tries = 0; tries < 100 && blockage === undefined; tries++) {
      blockage = (await controller.tick())?.blockage;
      await until('the workers have ended', async () => (await driver.members()).length === 0 || undefined);
      clock.advance(1000);
    }
    // Twenty at once, then one after 2 s and one after 4 s.
    expect(launched).toBe(22);
    expect(blockage).toMatch(
      /^No worker starts\. Worker w-22: it ended before it was ready\. Its process ended with code 3\./,
    );
    const all = warned(reports);
    expect(all[0]).toMatch(
      /^The last launch failed, of 20 workers\. Worker w-\d+: it ended before it was ready\./,
    );
    expect(all.at(-1)).toContain('The last 3 launches failed. Worker w-22');
    const log = /The whole log is in (.+)\.$/.exec(blockage ?? '')?.[1] ?? '';
    expect(await readFile(log, 'utf8')).toContain('out of luck');
  });
});
