import { describe, expect, it } from 'vitest';
import { ImgclsError } from '../../../../src/core/runtime/errors.ts';
import { createAsgFleet } from '../../../../src/scaler/drivers/asg.ts';
import { checkGroup } from '../../../../src/scaler/drivers/asg-check.ts';
import type { FleetDriver } from '../../../../src/scaler/fleet.ts';
import { virtualClock } from '../../virtual-clock.ts';
import { AsgWorld, GROUP } from './asg-world.ts';

function fleetOf(over: Partial<Pick<AsgWorld, 'min' | 'max' | 'available'>> = {}) {
  const world = Object.assign(new AsgWorld(), over);
  const clock = virtualClock();
  const driver = () =>
    createAsgFleet({
      autoScaling: world.autoScaling,
      ec2: world.ec2,
      group: GROUP,
      maxLifetimeMs: 3_600_000,
      priceOf: () => 0.1,
      hourlyUsd: 0.1,
      clock,
    });
  return { world, clock, driver: driver(), anew: driver };
}

/** With this many instances in service. */
async function runningFleet(count: number, over: Parameters<typeof fleetOf>[0] = {}) {
  const fleet = fleetOf(over);
  await fleet.driver.launch({ count, decision: '1-1' });
  fleet.world.settle();
  for (const id of fleet.world.serving()) fleet.world.set(id, 'InService', 'running');
  fleet.clock.advance(60_000);
  return { ...fleet, ids: fleet.world.serving() };
}

const states = async (driver: FleetDriver) =>
  Object.fromEntries((await driver.members()).map(({ id, state }) => [id, state]));
const lost = new ImgclsError('transient', 'The answer was lost.');

describe('an instance that an Auto Scaling group has not launched yet', () => {
  it('is a member with an id of its own until it is launched', async () => {
    const { world, driver } = fleetOf();
    const { started } = await driver.launch({ count: 2, decision: '1-1' });
    expect(started).toHaveLength(2);
    expect(Object.keys(await states(driver)).toSorted()).toEqual(started.toSorted());
    expect(world.desired).toBe(2);
    world.settle();
    expect(await states(driver)).toEqual({ 'i-1': 'running', 'i-2': 'running' });
  });

  it('costs nothing', async () => {
    const { world, driver } = fleetOf({ available: 1 });
    await driver.launch({ count: 2, decision: '1-1' });
    world.settle();
    expect((await driver.members()).map(({ hourlyUsd }) => hourlyUsd)).toEqual([0.1, 0]);
  });

  it('counts for the next launch', async () => {
    const { world, driver } = fleetOf({ available: 1 });
    await driver.launch({ count: 2, decision: '1-1' });
    world.settle();
    const { started } = await driver.launch({ count: 1, decision: '1-2' });
    expect(started).toHaveLength(1);
    expect(world.desired).toBe(3);
    expect(await driver.members()).toHaveLength(3);
  });

  it('is known to the next controller', async () => {
    const { driver, anew } = fleetOf({ available: 0 });
    const { started } = await driver.launch({ count: 2, decision: '1-1' });
    expect(Object.keys(await states(anew())).toSorted()).toEqual(started.toSorted());
  });

  it('can be retired, which lowers the desired capacity', async () => {
    const { world, driver } = fleetOf({ available: 1 });
    const { started } = await driver.launch({ count: 3, decision: '1-1' });
    world.settle();
    const waiting = Object.keys(await states(driver)).filter((id) => started.includes(id));
    expect(waiting).toHaveLength(2);
    await driver.retire(waiting);
    expect(world.desired).toBe(1);
    expect(await states(driver)).toEqual({ 'i-1': 'running' });
  });

  it('is late after a while, with the reason that AWS gives', async () => {
    const { world, driver, clock } = fleetOf({ available: 0 });
    await driver.launch({ count: 2, decision: '1-1' });
    world.failure = 'We currently do not have sufficient c7i.large capacity.';
    const reasons = async () => (await driver.members()).map(({ lateBecause }) => lateBecause);
    expect(await reasons()).toEqual([undefined, undefined]);
    clock.advance(31_000);
    expect(await reasons()).toEqual([world.failure, world.failure]);
    world.failure = undefined;
    world.available = 2;
    world.settle();
    expect(await reasons()).toEqual([undefined, undefined]);
  });

  it('stays a member if AWS does not say why it is late', async () => {
    const { world, driver, clock } = fleetOf({ available: 0 });
    await driver.launch({ count: 1, decision: '1-1' });
    await driver.members();
    clock.advance(31_000);
    world.autoScaling.lastLaunchFailure = async () => {
      throw new ImgclsError('permanent', 'Access is denied.');
    };
    expect(await driver.members()).toMatchObject([{ lateBecause: expect.stringContaining('denied') }]);
  });
});

describe('the desired capacity', () => {
  it('is raised by the number of launches', async () => {
    const { world, driver } = await runningFleet(2);
    await driver.launch({ count: 3, decision: '1-2' });
    expect(world.sets).toEqual([2, 5]);
  });

  it('is raised once when the answer is lost', async () => {
    const { world, driver } = await runningFleet(1);
    const { setDesired } = world.autoScaling;
    world.autoScaling.setDesired = async (...args) => {
      await setDesired(...args);
      throw lost;
    };
    await expect(driver.launch({ count: 2, decision: '1-2' })).rejects.toBe(lost);
    world.autoScaling.setDesired = setDesired;
    expect(await driver.members()).toHaveLength(3);
    const { started } = await driver.launch({ count: 1, decision: '1-3' });
    expect(started).toHaveLength(1);
    expect(world.desired).toBe(4);
  });

  it('is raised by the next launch when the request was lost', async () => {
    const { world, driver } = await runningFleet(1);
    const { setDesired } = world.autoScaling;
    world.autoScaling.setDesired = async () => {
      throw lost;
    };
    await expect(driver.launch({ count: 2, decision: '1-2' })).rejects.toBe(lost);
    world.autoScaling.setDesired = setDesired;
    expect(await driver.members()).toHaveLength(1);
    expect((await driver.launch({ count: 2, decision: '1-3' })).started).toHaveLength(2);
    expect(world.desired).toBe(3);
  });

  it('is raised once while listings are out of date', async () => {
    const { world, driver } = await runningFleet(1);
    const stale = world.listed();
    await driver.launch({ count: 2, decision: '1-2' });
    world.autoScaling.group = async () => stale;
    expect(await driver.members()).toHaveLength(3);
    await driver.launch({ count: 1, decision: '1-3' });
    expect(world.desired).toBe(4);
  });

  it('never exceeds the maximum of the group, and the refusal says what to do', async () => {
    const { world, driver } = await runningFleet(2, { max: 3 });
    const answer = await driver.launch({ count: 4, decision: '1-2' });
    expect(answer).toMatchObject({ started: [expect.any(String)], permanent: { count: 3 } });
    expect(answer.permanent?.why).toMatch(/workers takes at most 3 .*--max-size 6\), or lower --max/);
    expect(await driver.launch({ count: 2, decision: '1-3' })).toMatchObject({
      started: [],
      permanent: { count: 2 },
    });
    expect(world.sets).toEqual([2, 3]);
  });

  it('is raised above the number of instances protected from scale-in', async () => {
    const { world, driver } = await runningFleet(3);
    // A person lowered the desired capacity while all instances were busy.
    world.desired = 1;
    await driver.launch({ count: 1, decision: '1-2' });
    expect(world.desired).toBe(4);
  });

  it('is not changed if launching is suspended or not allowed', async () => {
    const { world, driver } = fleetOf();
    world.isLaunchSuspended = true;
    const suspended = await driver.launch({ count: 2, decision: '1-1' });
    expect(suspended.permanent).toMatchObject({ count: 2, why: expect.stringContaining('resume-processes') });
    world.isLaunchSuspended = false;
    world.autoScaling.setDesired = async () => {
      throw new ImgclsError('permanent', 'Access is denied.', { hint: 'Allow it.' });
    };
    const denied = await driver.launch({ count: 2, decision: '1-2' });
    expect(denied).toEqual({ started: [], permanent: { count: 2, why: 'Access is denied. Allow it.' } });
    expect(world.desired).toBe(0);
  });

  it('has a reason for late instances if launching was suspended later', async () => {
    const { world, driver } = fleetOf({ available: 0 });
    await driver.launch({ count: 1, decision: '1-1' });
    world.isLaunchSuspended = true;
    expect(await driver.members()).toMatchObject([{ lateBecause: expect.stringContaining('suspended') }]);
  });
});

describe('an instance that ends', () => {
  it('lowers the capacity in the same call, once, however often it is ended', async () => {
    const { world, driver, ids } = await runningFleet(3);
    const [first = '', ...others] = ids;
    const stale = world.listed();
    await driver.retire([first]);
    world.autoScaling.group = async () => stale;
    await driver.retire([first]);
    await driver.terminate([first]);
    expect(world.ends).toEqual([[first, 'lower']]);
    expect(world.desired).toBe(2);
    const found = await states(driver);
    expect(found).toEqual({
      [first]: 'draining',
      ...Object.fromEntries(others.map((id) => [id, 'running'])),
    });
  });

  it('is ended again after a minute if the first request was lost', async () => {
    const { world, driver, ids, clock } = await runningFleet(1);
    const { end } = world.autoScaling;
    world.autoScaling.end = async () => {
      throw lost;
    };
    await expect(driver.retire(ids)).rejects.toBe(lost);
    world.autoScaling.end = end;
    await driver.retire(ids);
    expect(await states(driver)).toEqual({ 'i-1': 'draining' });
    expect(world.ends).toEqual([]);
    clock.advance(61_000);
    expect(await states(driver)).toEqual({ 'i-1': 'running' });
    await driver.retire(ids);
    expect(world.ends).toEqual([['i-1', 'lower']]);
  });

  it('is ended again at once if the first request was refused', async () => {
    const { world, driver, ids } = await runningFleet(2);
    const { end } = world.autoScaling;
    world.autoScaling.end = async (id, capacity) => {
      if (id === ids[0]) throw new ImgclsError('permanent', 'Access is denied.');
      await end(id, capacity);
    };
    await expect(driver.retire(ids)).rejects.toThrow('denied');
    expect(await states(driver)).toEqual({ 'i-1': 'running', 'i-2': 'draining' });
    world.autoScaling.end = end;
    await driver.retire(ids);
    expect(world.desired).toBe(0);
  });

  it('ends together with seven others', async () => {
    const { world, driver, ids } = await runningFleet(20, { max: 20 });
    const { end } = world.autoScaling;
    let [open, mostOpen] = [0, 0];
    world.autoScaling.end = async (...args) => {
      mostOpen = Math.max(mostOpen, ++open);
      await new Promise(setImmediate);
      open--;
      await end(...args);
    };
    await driver.retire(ids);
    expect(mostOpen).toBe(8);
    expect(world.desired).toBe(0);
  });

  it('waits for the next tick once Auto Scaling throttles', async () => {
    const { world, driver, ids } = await runningFleet(20, { max: 20 });
    let calls = 0;
    world.autoScaling.end = async () => {
      calls++;
      await new Promise(setImmediate);
      throw lost;
    };
    await expect(driver.retire(ids)).rejects.toBe(lost);
    expect(calls).toBe(8);
  });

  it('is not retired if the group would replace it, and the error says what to do', async () => {
    const { world, driver, ids } = await runningFleet(2, { min: 1 });
    await expect(driver.retire(ids)).rejects.toMatchObject({
      kind: 'config',
      message: expect.stringMatching(/keeps at least 1 .* so 1 cannot be retired/),
      hint: expect.stringContaining('--min-size 0'),
    });
    expect(world.ends).toHaveLength(1);
    expect(world.desired).toBe(1);
  });

  it('is replaced at the minimum when it is terminated', async () => {
    const { world, driver, ids } = await runningFleet(1, { min: 1 });
    await driver.terminate(ids);
    expect(world.ends).toEqual([['i-1', 'keep']]);
    const [gone, coming] = await driver.members();
    expect(gone).toMatchObject({ id: 'i-1', state: 'draining' });
    expect(coming).toMatchObject({ state: 'running', kind: 'requested, not launched yet' });
  });

  it('does not lower the capacity if there are more instances than desired', async () => {
    const { world, driver, ids } = await runningFleet(3);
    world.desired = 2;
    await driver.retire(ids.slice(0, 2));
    expect(world.ends.map(([, capacity]) => capacity)).toEqual(['keep', 'lower']);
    expect(world.desired).toBe(1);
  });
});

describe('a change that AWS makes by itself', () => {
  it('makes a new member of the instance that replaces an unhealthy one', async () => {
    const { world, driver } = await runningFleet(2);
    world.set('i-1', 'InService', 'shutting-down');
    const [unhealthy, healthy, coming] = await driver.members();
    expect([unhealthy?.state, healthy?.state, coming?.state]).toEqual(['draining', 'running', 'running']);
    world.set('i-1', 'Terminating', 'shutting-down');
    world.settle();
    expect(await states(driver)).toEqual({ 'i-2': 'running', 'i-3': 'running' });
    expect(world.sets).toEqual([2]);
  });

  it('moves an instance to the warm pool, which does not count as capacity', async () => {
    const { world, driver } = await runningFleet(2);
    world.set('i-2', 'Warmed:Stopped', 'stopped');
    world.desired = 1;
    expect(await states(driver)).toEqual({ 'i-1': 'running', 'i-2': 'stopped' });
    await driver.launch({ count: 1, decision: '1-2' });
    expect(world.desired).toBe(2);
    await driver.terminate(['i-2']);
    expect(world.ends).toEqual([]);
  });

  it.each(['Pending:Wait', 'InService', 'Standby', 'EnteringStandby'])(
    'runs a member that is %s',
    async (lifecycle) => {
      const { world, driver } = await runningFleet(1);
      world.set('i-1', lifecycle, 'running');
      expect(await states(driver)).toMatchObject({ 'i-1': 'running' });
    },
  );
  it.each(['Terminating:Wait', 'Terminating:Proceed', 'Detaching'])(
    'drains a member that is %s',
    async (lifecycle) => {
      const { world, driver } = await runningFleet(1);
      world.set('i-1', lifecycle, 'running');
      world.desired = 0;
      expect(await states(driver)).toEqual({ 'i-1': 'draining' });
    },
  );

  it('may appear in one listing before the other', async () => {
    const { world, driver } = await runningFleet(1);
    world.group.delete('i-1');
    expect(await states(driver)).toEqual({ 'i-1': 'running' });
    const { driver: other, world: early } = await runningFleet(1);
    early.machines.clear();
    expect(await states(other)).toEqual({ 'i-1': 'running' });
  });
});

describe('a member of an Auto Scaling group', () => {
  it('has a kind, a price, and an expiry of its lifetime and a margin', async () => {
    const { driver } = await runningFleet(1);
    expect(await driver.members()).toMatchObject([
      { kind: 'c7i.large us-east-1a on-demand', hourlyUsd: 0.1, expiresAtMs: 5_400_000 },
    ]);
  });
});

describe('the check of a group', () => {
  const ec2 = {
    template: async () => ({ instanceType: 'c7i.large', imageId: 'ami-1' }),
    types: async (names: readonly string[]) =>
      names.map((type) => ({ type, architectures: ['x86_64'], memoryBytes: 2 ** 32 })),
    imageArchitecture: async () => undefined,
  };
  const check = (over: object, min = 0) => {
    const { world } = fleetOf();
    const group = async () => ({ ...world.listed(), ...over });
    return checkGroup({ group }, ec2, { group: GROUP, min });
  };

  it('returns the types and the image that the group may launch', async () => {
    expect(await check({})).toEqual({ types: ['c7i.large'], image: 'ami-1' });
    const { types } = await check({ instanceTypes: ['m7i.large', 'c7i.large'] });
    expect(types).toEqual(['m7i.large', 'c7i.large']);
    expect(await check({ choosesTypes: true })).toEqual({ types: [], image: 'ami-1' });
  });
  it.each([
    ['counts weights', { otherUnit: 'weights' }, 0, /counts weights/, /WeightedCapacity/],
    ['keeps more than --min', { min: 2 }, 1, /keeps at least 2 .*--min is 1/, /--min 2/],
    ['has a maximum below --min', { max: 2 }, 3, /at most 2 .*--min is 3/, /Raise its MaxSize/],
    ['has no launch template', { template: undefined }, 0, /no launch template/, /launch configuration/],
  ])('refuses a group that %s', async (_, over, min, words, wayOut) => {
    await expect(check(over, min)).rejects.toMatchObject({
      kind: 'config',
      message: expect.stringMatching(words),
      hint: expect.stringMatching(wayOut),
    });
  });
});
