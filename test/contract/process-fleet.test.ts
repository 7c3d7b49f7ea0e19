/** Worker processes as a fleet, beyond the common contract of fleet drivers. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import type { Store } from '../../src/core/cloud/ports.ts';
import { CONTROLLER_TIMING } from '../../src/core/fleet/controller-timing.ts';
import type { WorkerStatus } from '../../src/core/fleet/fleet.ts';
import { workerStatusKey } from '../../src/core/job/keys.ts';
import { drainFleet } from '../../src/scaler/drain.ts';
import {
  createProcessFleet,
  type ProcessFleetOptions,
  runnersPerWorker,
} from '../../src/scaler/drivers/process.ts';
import type { FleetDriver, FleetMember } from '../../src/scaler/fleet.ts';
import { describeFleetDriver, type FleetWorld } from './fleet-suite.ts';
import { makeClouds, type TestClouds } from './local-cloud.ts';
import { until } from './until.ts';

const STAND_IN = new URL('./children/worker-stand-in.ts', import.meta.url).pathname;
const HOST = 'this-host';
type Behaviour = 'quick' | 'stubborn' | 'crash';

/** A machine: its processes, their statuses, and the files beside their logs. */
class Machine implements FleetWorld {
  readonly #clouds: TestClouds;
  readonly output: Store;
  readonly logDir: string;
  /** By how much the controller's clocks are ahead. */
  aheadMs = 0;
  /** How far the wall clock was set ahead besides. */
  wallAheadMs = 0;
  /** When the controller's clocks were stopped. From then on only `aheadMs` moves them. */
  #stoppedAt: { wallMs: number; monotonicMs: number } | undefined;
  #launches = 0;

  constructor(clouds: TestClouds) {
    this.#clouds = clouds;
    this.output = clouds.open().output;
    this.logDir = join(clouds.dataDir, 'logs');
  }

  driver(behaviour: Behaviour = 'quick', options: Partial<ProcessFleetOptions> = {}): FleetDriver {
    return createProcessFleet({
      output: this.output,
      command: [process.execPath, STAND_IN, behaviour, 'worker'],
      env: process.env,
      logDir: this.logDir,
      host: HOST,
      clock: {
        ...systemClock,
        nowMs: () => (this.#stoppedAt?.wallMs ?? Date.now()) + this.aheadMs + this.wallAheadMs,
        monotonicMs: () => (this.#stoppedAt?.monotonicMs ?? performance.now()) + this.aheadMs,
      },
      newWorkerId: () => `w-${++this.#launches}`,
      ...options,
    });
  }

  stopClocks(): void {
    this.#stoppedAt = { wallMs: Date.now(), monotonicMs: performance.now() };
  }

  async log(id: string): Promise<string> {
    return await readFile(join(this.logDir, `${id}.log`), 'utf8').catch(() => '');
  }

  async untilLogged(id: string, text: string): Promise<void> {
    await until(`${id} logs "${text}"`, async () => (await this.log(id)).includes(text) || undefined);
  }

  async file(id: string): Promise<Record<string, unknown>> {
    return JSON.parse(await readFile(join(this.logDir, `${id}.pid`), 'utf8'));
  }

  async pid(id: string): Promise<number> {
    return Number((await this.file(id)).pid);
  }

  async filesOf(id: string): Promise<string[]> {
    return (await readdir(this.logDir)).filter((name) => name.startsWith(`${id}.`)).sort();
  }

  async report(id: string, pid: number, changes: Partial<WorkerStatus> = {}): Promise<void> {
    const status: WorkerStatus = {
      v: 1,
      id,
      state: 'ready',
      host: HOST,
      managed: true,
      pid,
      startedAtMs: 1000,
      updatedAtMs: 1000,
      boot: { readyMs: 100 },
      imagesDone: 0,
      imagesPerSecond: 0,
      runners: 1,
      rssBytes: 0,
      peakRssBytes: 0,
      models: [],
      version: '0',
      ...changes,
    };
    await this.output.put(workerStatusKey(id), Buffer.from(JSON.stringify(status)));
  }

  async reports(): Promise<string[]> {
    const keys: string[] = [];
    for await (const { key } of this.output.list('fleet/')) keys.push(key);
    return keys;
  }

  async release(): Promise<void> {
    const driver = this.driver();
    await until('every worker has ended', async () => {
      const members = await driver.members();
      await driver.terminate(members.map(({ id }) => id));
      return members.length === 0 || undefined;
    });
    await this.#clouds.release();
  }
}

describeFleetDriver('worker processes', async () => new Machine(await makeClouds()));

describe('worker processes', () => {
  let machine: Machine;
  let others: ChildProcess[];
  beforeEach(async () => {
    machine = new Machine(await makeClouds());
    others = [];
  });
  afterEach(async () => {
    for (const other of others) other.kill('SIGKILL');
    await machine.release();
  });

  let decisions = 0;
  const launch = (driver: FleetDriver, count = 1) =>
    driver.launch({ count, decision: `decision-${++decisions}` });
  const launchOne = async (driver: FleetDriver): Promise<string> => {
    const [id = ''] = (await launch(driver)).started;
    await machine.untilLogged(id, 'ready');
    return id;
  };
  const memberOf = async (driver: FleetDriver, id: string): Promise<FleetMember | undefined> =>
    (await driver.members()).find((member) => member.id === id);
  const untilGone = (driver: FleetDriver, id: string) =>
    until(`${id} has ended`, async () => ((await memberOf(driver, id)) ? undefined : true));
  /** A process that no driver of ours launched. */
  const startOther = (...args: string[]): number => {
    const other = spawn(process.execPath, [STAND_IN, 'quick', ...args], { stdio: 'ignore' });
    others.push(other);
    return other.pid ?? 0;
  };

  describe('that are retired', () => {
    it('are draining until they have finished what they have begun', async () => {
      const driver = machine.driver('stubborn');
      const id = await launchOne(driver);
      await driver.retire([id]);
      await machine.untilLogged(id, 'received SIGTERM');
      expect((await memberOf(driver, id))?.state).toBe('draining');
      expect((await memberOf(machine.driver(), id))?.state).toBe('draining');
    });

    it('get no second SIGTERM, which would end them at once, not even from the next controller', async () => {
      const driver = machine.driver('stubborn');
      const id = await launchOne(driver);
      await driver.retire([id]);
      await machine.untilLogged(id, 'received SIGTERM');
      await driver.retire([id]);
      const next = machine.driver();
      await next.retire([id]);
      // The log is kept if the status is still there.
      await machine.report(id, await machine.pid(id));
      process.kill(await machine.pid(id), 'SIGWINCH');
      await untilGone(next, id);
      expect((await machine.log(id)).match(/received SIGTERM/g) ?? []).toHaveLength(1);
    });

    it('are killed only after the drain deadline, also by the next controller', async () => {
      const driver = machine.driver('stubborn', { drainMs: 60_000 });
      const id = await launchOne(driver);
      await driver.retire([id]);
      machine.aheadMs = 59_000;
      const next = machine.driver('stubborn', { drainMs: 60_000 });
      expect((await memberOf(next, id))?.state).toBe('draining');
      expect((await memberOf(next, id))?.state).toBe('draining');
      machine.aheadMs = 61_000;
      await untilGone(next, id);
    });

    it('are killed after the drain deadline though the wall clock was set back', async () => {
      const driver = machine.driver('stubborn', { drainMs: 60_000 });
      const id = await launchOne(driver);
      await driver.retire([id]);
      expect((await memberOf(driver, id))?.state).toBe('draining');
      machine.wallAheadMs = -6 * 3_600_000;
      machine.aheadMs = 61_000;
      await untilGone(driver, id);
    });

    it('get no signal if they already drain by themselves', async () => {
      const driver = machine.driver('stubborn');
      const id = await launchOne(driver);
      await machine.report(id, await machine.pid(id), { state: 'draining' });
      await driver.retire([id]);
      expect((await memberOf(driver, id))?.state).toBe('draining');
      process.kill(await machine.pid(id), 'SIGWINCH');
      await untilGone(driver, id);
      expect(await machine.log(id)).not.toContain('received SIGTERM');
    });

    it('leave no files when all have ended without an error', async () => {
      const driver = machine.driver();
      const { started } = await launch(driver, 3);
      for (const id of started) await machine.untilLogged(id, 'ready');
      const lock = { epoch: 1, keep: async () => {} };
      await drainFleet({ driver, lock, timing: CONTROLLER_TIMING.local, clock: systemClock });
      expect(await readdir(machine.logDir)).toEqual([]);
    });
  });

  describe('are adopted', () => {
    it('from their status, if the controller that launched them wrote no file', async () => {
      const id = 'w-other';
      await machine.report(id, startOther('worker', '--id', id));
      const member = await memberOf(machine.driver(), id);
      expect(member).toMatchObject({ state: 'running', launchedAtMs: 1000 });
      const driver = machine.driver();
      await driver.retire([id]);
      await untilGone(driver, id);
    });

    it('but not unmanaged workers, nor those of another machine', async () => {
      await machine.report('w-person', startOther('worker'), { managed: false });
      await machine.report('w-far', startOther('worker', '--id', 'w-far'), { host: 'another-host' });
      expect(await machine.driver().members()).toEqual([]);
      expect(await machine.reports()).toEqual(['fleet/w-far.json', 'fleet/w-person.json']);
    });

    it('but not another program that got their process id', async () => {
      const id = await launchOne(machine.driver());
      const file = await machine.file(id);
      const pid = startOther('something', 'else');
      await writeFile(join(machine.logDir, 'w-past.pid'), JSON.stringify({ ...file, id: 'w-past', pid }));
      await machine.report('w-silent', pid);
      const driver = machine.driver();
      expect((await driver.members()).map((member) => member.id)).toEqual([id]);
      await driver.terminate(['w-past', 'w-silent']);
      expect(process.kill(pid, 0)).toBe(true);
      expect(await machine.filesOf('w-past')).toEqual([]);
      expect(await machine.reports()).toEqual([]);
    });

    it('even if a file beside the logs was truncated', async () => {
      const id = await launchOne(machine.driver());
      const pid = await machine.pid(id);
      await writeFile(join(machine.logDir, `${id}.pid`), '{"v":1,');
      await machine.report(id, pid);
      expect((await memberOf(machine.driver(), id))?.kind).toBe(`process ${pid}`);
    });
  });

  describe('that end by themselves', () => {
    it('can be explained: how their process ended, and the end of the log and its path', async () => {
      const driver = machine.driver('crash');
      const [id = ''] = (await launch(driver)).started;
      await untilGone(driver, id);
      const why = (await driver.explain?.(id)) ?? '';
      expect(why).toMatch(/^Its process ended with code 3\. Its log ends with:\n.*out of luck/);
      const log = /The whole log is in (.+)\.$/.exec(why)?.[1] ?? '';
      expect(await readFile(log, 'utf8')).toContain('cannot load the model: out of luck');
    });

    it('are handled also by a process without other work', () => {
      const script = fileURLToPath(new URL('./children/settle.ts', import.meta.url));
      const { status, stdout } = spawnSync(process.execPath, [script], { encoding: 'utf8' });
      expect({ status, stdout }).toEqual({ status: 0, stdout: 'w ended with 0\n' });
    });

    it('leave no status behind if they were killed', async () => {
      const driver = machine.driver();
      const id = await launchOne(driver);
      const pid = await machine.pid(id);
      await machine.report(id, pid);
      process.kill(pid, 'SIGKILL');
      await untilGone(driver, id);
      expect(await machine.reports()).toEqual([]);
      expect(await driver.explain?.(id)).toContain('Its process ended with signal SIGKILL.');
    });
  });

  it('that cannot be started at all are a permanent failure', async () => {
    const driver = machine.driver('quick', { command: ['/nowhere/imgcls', 'worker'] });
    const { started, permanent } = await launch(driver, 2);
    expect(started).toEqual([]);
    expect(permanent).toEqual({ count: 2, why: expect.stringContaining('/nowhere/imgcls') });
    expect(await driver.members()).toEqual([]);
    expect(await readdir(machine.logDir)).toEqual([]);
  });

  it('cost nothing by default, or the price of the settings', async () => {
    const driver = machine.driver('quick', { hourlyUsd: 0.25 });
    const id = await launchOne(driver);
    expect(await driver.hourlyUsd()).toBe(0.25);
    expect((await memberOf(driver, id))?.hourlyUsd).toBe(0.25);
    expect(await machine.driver().hourlyUsd()).toBe(0);
  });

  it.each([
    { cores: 8, max: 4, runners: 2 },
    { cores: 8, max: 3, runners: 2 },
    { cores: 2, max: 4, runners: 1 },
    { cores: 4, max: 0, runners: 4 },
  ])('have $runners runners each if up to $max share $cores cores', ({ cores, max, runners }) => {
    expect(runnersPerWorker(cores, max)).toBe(runners);
  });
});
