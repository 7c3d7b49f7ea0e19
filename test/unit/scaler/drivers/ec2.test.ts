import { describe, expect, it } from 'vitest';
import { createEc2 } from '../../../../src/aws/ec2.ts';
import type { Ec2, Ec2Instance, Ec2Launch, Refusal } from '../../../../src/core/aws-account/ec2.ts';
import { InstancesError } from '../../../../src/core/aws-account/instances-error.ts';
import { ImgclsError } from '../../../../src/core/runtime/errors.ts';
import { createEc2Fleet, type Ec2FleetOptions } from '../../../../src/scaler/drivers/ec2.ts';
import { checkEc2 } from '../../../../src/scaler/drivers/ec2-check.ts';
import { MachineWatch } from '../../../../src/scaler/machines.ts';
import { suspects } from '../../../../src/scaler/reap.ts';
import { virtualClock } from '../../virtual-clock.ts';

/** EC2 in memory. Launches and tags take effect at once; tests replace its methods to inject faults. */
function standIn() {
  const instances = new Map<string, Ec2Instance>();
  const asked: Ec2Launch[] = [];
  const set = (ids: readonly string[], change: (instance: Ec2Instance) => Partial<Ec2Instance>) => {
    for (const id of ids) {
      const instance = instances.get(id);
      if (instance !== undefined) instances.set(id, { ...instance, ...change(instance) });
    }
  };
  const ec2: Ec2 = {
    describe: async () => structuredClone([...instances.values()]),
    async launch(launch) {
      asked.push(launch);
      const started = Array.from({ length: launch.onDemand + launch.spot }, (_, n) => {
        const id = `i-${instances.size.toString(16)}${n}`;
        const market = n < launch.onDemand ? 'on-demand' : 'spot';
        const { instanceType: type = 'c7i.large' } = launch.pools[0] ?? {};
        instances.set(id, {
          id,
          state: 'running',
          type,
          zone: 'us-east-1a',
          market,
          launchedAtMs: 0,
          tags: launch.tags,
        });
        return id;
      });
      return { started, refusals: [] };
    },
    tag: async (ids, tags) => set(ids, (each) => ({ tags: { ...each.tags, ...tags } })),
    untag: async (ids, keys) =>
      set(ids, (each) => ({
        tags: Object.fromEntries(Object.entries(each.tags).filter(([key]) => !keys.includes(key))),
      })),
    terminate: async (ids) => set(ids, () => ({ state: 'terminated' })),
    stop: async (ids) => set(ids, () => ({ state: 'stopped' })),
    async start(ids) {
      set(ids, () => ({ state: 'pending' }));
      return [...ids];
    },
    consoleOutput: async () => '',
    offerings: async (names) => names.map((type) => ({ type, zone: 'us-east-1a' })),
    spotPrices: async () => [],
    zonesOf: async (subnets) => new Map(subnets.map((subnet) => [subnet, 'us-east-1a'])),
    types: async (names) => names.map((type) => ({ type, architectures: ['x86_64'], memoryBytes: 2 ** 32 })),
    template: async () => ({ instanceType: 'c7i.large', imageId: 'ami-1' }),
    imageArchitecture: async () => 'x86_64',
  };
  return { ec2, instances, asked };
}

function fleetOf(over: Partial<Ec2FleetOptions> = {}) {
  const world = standIn();
  const clock = virtualClock();
  const driver = createEc2Fleet({
    ec2: world.ec2,
    cluster: 'test',
    template: 'workers',
    pools: [{}],
    onDemandPercentage: 100,
    warm: 0,
    maxLifetimeMs: 3_600_000,
    priceOf: () => 0.1,
    types: ['c7i.large'],
    clock,
    ...over,
  });
  return { ...world, clock, driver };
}

const noCapacity = (pool?: Refusal['pool']): Refusal => ({
  ...(pool && { pool }),
  code: 'InsufficientInstanceCapacity',
  why: 'no capacity',
  mayPass: true,
});
const stateOf = (instances: ReadonlyMap<string, Ec2Instance>) =>
  [...instances.values()].map(({ state }) => state);

describe('stopped instances that are started', () => {
  async function withOneStopped() {
    const fleet = fleetOf({ warm: 1 });
    const { started } = await fleet.driver.launch({ count: 1, decision: '1-1' });
    await fleet.driver.retire(started);
    fleet.clock.advance(120_000);
    return { ...fleet, id: started[0] ?? '' };
  }

  it('count as running although EC2 lists their old state and tags for a moment', async () => {
    const { ec2, driver, instances } = await withOneStopped();
    const stale = await ec2.describe({ key: '', value: '' });
    await driver.launch({ count: 1, decision: '1-2' });
    const describeNow = ec2.describe;
    ec2.describe = async () => stale;
    expect(await driver.members()).toMatchObject([{ state: 'running' }]);
    ec2.describe = describeNow;
    expect(stateOf(instances)).toEqual(['pending']);
  });

  it('are replaced by new ones if there is no capacity to start them', async () => {
    const { ec2, driver } = await withOneStopped();
    ec2.start = async () => [];
    const answer = await driver.launch({ count: 1, decision: '1-2' });
    expect(answer.started).toHaveLength(1);
    expect((await driver.members()).map(({ state }) => state).toSorted()).toEqual(['running', 'stopped']);
  });

  it('are replaced by new ones if starting them is refused', async () => {
    const { ec2, driver } = await withOneStopped();
    ec2.start = async () => {
      throw new ImgclsError('permanent', 'Could not start instances: its key is gone.');
    };
    expect((await driver.launch({ count: 1, decision: '1-2' })).started).toHaveLength(1);
  });

  it('are not launched a second time if the answer to StartInstances was lost', async () => {
    const { ec2, driver, asked, id } = await withOneStopped();
    const startNow = ec2.start;
    ec2.start = async (ids) => {
      await startNow(ids);
      throw new ImgclsError('transient', 'The answer was lost.');
    };
    await expect(driver.launch({ count: 1, decision: '1-2' })).rejects.toThrow('The answer was lost.');
    expect(asked).toHaveLength(1);
    expect(await driver.members()).toMatchObject([{ id, state: 'running' }]);
  });

  it('fail to start without an error for missing capacity, and with one for missing permission', async () => {
    const refusing = (name: string) => ({
      send: async () => {
        throw Object.assign(new Error('Refused.'), { name });
      },
    });
    const start = (name: string) => createEc2(refusing(name) as never).start(['i-1']);
    expect(await start('InsufficientInstanceCapacity')).toEqual([]);
    await expect(start('UnauthorizedOperation')).rejects.toThrow('ec2:StartInstances');
    await expect(start('RequestTimeout')).rejects.toMatchObject({ kind: 'transient' });
  });

  it('start although EC2 refuses another one, which a person has just terminated', async () => {
    const client = {
      async send({ input }: { input: { InstanceIds: string[] } }) {
        if (input.InstanceIds.includes('i-2'))
          throw Object.assign(new Error("The instance 'i-2' cannot be started."), {
            name: 'IncorrectInstanceState',
          });
      },
    };
    const { start } = createEc2(client as never);
    expect(await start(['i-1', 'i-2', 'i-3'])).toEqual(['i-1', 'i-3']);
    await expect(start(['i-2'])).rejects.toThrow('i-2');
  });

  it('are booting again for a controller that knew them as stopped', async () => {
    const { clock } = fleetOf();
    const watch = new MachineWatch(clock);
    const member = { id: 'i-1', launchedAtMs: 0 };
    watch.join([{ ...member, state: 'stopped' }], new Map());
    clock.advance(3_600_000);
    const members = [{ ...member, state: 'running' as const }];
    const [machine] = watch.join(members, new Map());
    expect(machine?.phase).toBe('booting');
    const found = suspects({
      members,
      workers: new Map(),
      machineObservation: (id) => watch.observationOf(id),
      nowMs: clock.nowMs(),
      monotonicMs: clock.monotonicMs(),
      bootDeadlineMs: 600_000,
    });
    expect(found).toEqual([]);
  });
  it('are booting again although their worker was ready before the stop', async () => {
    const { clock } = fleetOf();
    const watch = new MachineWatch(clock);
    const workers = new Map([
      ['i-1', { status: { state: 'ready' }, silentForMs: 0, modifiedAtMs: 0, isNew: true }],
    ]) as never;
    const member = { id: 'i-1', launchedAtMs: 0 };
    watch.join([{ ...member, state: 'running' }], workers);
    watch.join([{ ...member, state: 'stopped' }], new Map());
    clock.advance(1000);
    expect(watch.join([{ ...member, state: 'running' }], new Map())[0]?.phase).toBe('booting');
  });
});

describe('a launch whose answer was lost', () => {
  async function lost() {
    const fleet = fleetOf();
    const launchNow = fleet.ec2.launch;
    fleet.ec2.launch = async () => {
      throw new ImgclsError('transient', 'The answer was lost.');
    };
    await expect(fleet.driver.launch({ count: 50, decision: '1-1' })).rejects.toThrow('The answer was lost.');
    fleet.ec2.launch = launchNow;
    return fleet;
  }

  it('launches nothing when the fleet is only read, which is unknown until then', async () => {
    const { driver, asked } = await lost();
    await expect(driver.members()).rejects.toMatchObject({ kind: 'transient' });
    expect(asked).toEqual([]);
  });

  it('is sent again by the controller of the same epoch', async () => {
    const { driver, asked } = await lost();
    await driver.settle?.(1);
    expect(asked).toHaveLength(1);
    expect(await driver.members()).toHaveLength(50);
  });

  it('is forgotten when the controller has the lock again after another one', async () => {
    const { driver, asked, clock } = await lost();
    clock.advance(8 * 60_000);
    await driver.settle?.(3);
    expect(await driver.members()).toEqual([]);
    expect(asked).toEqual([]);
  });
});

describe('pools that refused', () => {
  it('are asked again within five minutes if there is no other pool', async () => {
    const { ec2, driver, clock } = fleetOf();
    const launchNow = ec2.launch;
    ec2.launch = async () => ({ started: [], refusals: [noCapacity()] });
    expect((await driver.launch({ count: 1, decision: '1-1' })).started).toEqual([]);
    ec2.launch = launchNow;
    clock.advance(60_000);
    expect((await driver.launch({ count: 1, decision: '1-2' })).started).toHaveLength(1);
  });

  it('do not end the launch in other pools when they refuse for good', async () => {
    const pools = [
      { instanceType: 'c7i.large', subnet: 'subnet-gone' },
      { instanceType: 'c7i.large', subnet: 'subnet-1' },
    ];
    const { ec2, driver } = fleetOf({ pools });
    const launchNow = ec2.launch;
    ec2.launch = async (launch) => {
      const bad = launch.pools.find(({ subnet }) => subnet === 'subnet-gone');
      const refusals =
        bad === undefined
          ? []
          : [{ pool: bad, code: 'InvalidSubnetID.NotFound', why: 'no such subnet', mayPass: false }];
      return bad === undefined ? launchNow(launch) : { started: [], refusals };
    };
    expect((await driver.launch({ count: 1, decision: '1-1' })).started).toHaveLength(1);
  });
});

describe('instances just launched', () => {
  it('stay members when they are retired before EC2 knows them', async () => {
    const { ec2, driver, instances } = fleetOf();
    const { describe: d, tag, terminate } = ec2;
    ec2.describe = async () => [];
    ec2.tag = async () => {};
    ec2.terminate = async () => {};
    const { started } = await driver.launch({ count: 1, decision: '1-1' });
    await driver.retire(started);
    expect((await driver.members()).map(({ id }) => id)).toEqual(started);
    Object.assign(ec2, { describe: d, tag, terminate });
    expect(stateOf(instances)).toEqual(['running']);
  });
});

describe('the listing that a tick decided from', () => {
  it('serves the retirement too, once, and for no longer than 30 s', async () => {
    const { ec2, driver, clock } = fleetOf();
    const { started } = await driver.launch({ count: 3, decision: '1-1' });
    const { describe: list } = ec2;
    let lists = 0;
    ec2.describe = async (tag) => {
      lists++;
      return await list(tag);
    };
    await driver.members();
    await driver.retire(started.slice(0, 1));
    expect(lists).toBe(1);
    await driver.retire(started.slice(1, 2));
    expect(lists).toBe(2);
    await driver.members();
    clock.advance(30_000);
    await driver.retire(started.slice(2));
    expect(lists).toBe(4);
  });
});

describe('a machine that could not be tagged as draining', () => {
  it('is not ended; all others are, and the next controller sees that they drain', async () => {
    const { ec2, driver, instances } = fleetOf();
    const { started } = await driver.launch({ count: 3, decision: '1-1' });
    const [refused = '', ...others] = started;
    const { tag } = ec2;
    ec2.tag = async (ids, tags) => {
      await tag(
        ids.filter((id) => id !== refused),
        tags,
      );
      throw new InstancesError(new ImgclsError('transient', 'throttled'), 'One could not be tagged.', [
        refused,
      ]);
    };
    await expect(driver.retire(started)).rejects.toThrow('One could not be tagged.');
    expect(instances.get(refused)?.state).toBe('running');
    for (const id of others) expect(instances.get(id)?.state).toBe('terminated');
  });
});

describe('the check before the first launch', () => {
  it('accepts a launch template with an image from an SSM parameter', async () => {
    const { ec2 } = standIn();
    ec2.template = async () => ({ instanceType: 'c7i.large', imageId: 'resolve:ssm:/imgcls/image' });
    ec2.imageArchitecture = async (id) => {
      throw new ImgclsError('permanent', `InvalidAMIID.Malformed ${id}`);
    };
    expect(await checkEc2(ec2, { template: 'workers', instanceTypes: [] })).toEqual({
      types: ['c7i.large'],
      image: undefined,
    });
  });
  it('refuses types of different architectures', async () => {
    const { ec2 } = standIn();
    ec2.template = async () => ({});
    ec2.types = async (names) =>
      names.map((type, n) => ({ type, architectures: [n === 0 ? 'x86_64' : 'arm64'], memoryBytes: 2 ** 32 }));
    await expect(
      checkEc2(ec2, { template: 'workers', instanceTypes: ['c7i.large', 'c7g.large'] }),
    ).rejects.toMatchObject({ kind: 'config' });
  });
});

describe('an instance that EC2 listed and dropped', () => {
  it('is a member for a minute, as listings have gaps, and not again as one that is not listed yet', async () => {
    const { driver, instances, clock } = fleetOf();
    const [id = ''] = (await driver.launch({ count: 1, decision: '1-1' })).started;
    const members = async () => (await driver.members()).map((member) => member.id);
    expect(await members()).toEqual([id]);
    instances.delete(id);
    clock.advance(59_000);
    expect(await members()).toEqual([id]);
    clock.advance(1000);
    expect(await members()).toEqual([]);
  });
});

it('says that EC2 reclaims a spot instance, so that nobody blames its image', async () => {
  const { driver, instances } = fleetOf();
  const [id = ''] = (await driver.launch({ count: 1, decision: '1-1' })).started;
  const endsWith = async (stateReason: string) => {
    instances.set(id, { ...(instances.get(id) as Ec2Instance), state: 'shutting-down', stateReason });
    return (await driver.members())[0];
  };
  const reason = 'Server.SpotInstanceTermination: Spot instance termination';
  expect(await endsWith(reason)).toMatchObject({ state: 'draining', isReclaimed: true });
  expect(await endsWith('Client.InstanceInitiatedShutdown')).not.toHaveProperty('isReclaimed');
});

describe('why an instance failed', () => {
  const explain = async (
    output: Ec2['consoleOutput'],
    stateReason = 'Server.InternalError: Internal error on launch',
  ) => {
    const { driver, instances, ec2 } = fleetOf();
    ec2.consoleOutput = output;
    const [id = ''] = (await driver.launch({ count: 1, decision: '1-1' })).started;
    instances.set(id, { ...(instances.get(id) as Ec2Instance), state: 'terminated', stateReason });
    return await driver.explain?.(id);
  };

  it('is probably the key of its disk if EC2 ends it with an internal error of the client', async () => {
    expect(await explain(async () => '', 'Client.InternalError: Client error on launch')).toContain(
      'Client error on launch. Often the role that launches may not use the KMS key of the disk',
    );
  });

  it('is the reason of its state and the last line of its console', async () => {
    expect(await explain(async () => 'booting\r\nKernel panic: no init found\r\n\r\n')).toBe(
      'EC2 gives the reason Server.InternalError: Internal error on launch. Its console ends with: Kernel panic: no init found',
    );
  });

  it('is the reason of its state if its console may not be read', async () => {
    const denied = async () => {
      throw new ImgclsError(
        'permanent',
        'Cannot read the console output (ec2:GetConsoleOutput): access denied.',
      );
    };
    expect(await explain(denied)).toMatch(/^EC2 gives the reason Server\.InternalError.*access denied\.$/);
  });
});

describe('spot prices', () => {
  const MARKET = [
    { type: 'c6a.large', zone: 'us-east-1a', usd: 0.05 },
    { type: 'c6a.large', zone: 'us-east-1b', usd: 0.02 },
    { type: 'c7i.large', zone: 'us-east-1a', usd: 0.03 },
  ];
  const subnets = { 'us-east-1a': 'subnet-a', 'us-east-1b': 'subnet-b' };
  const pools = MARKET.map(({ type, zone }) => ({
    instanceType: type,
    zone,
    subnet: subnets[zone as keyof typeof subnets],
  }));
  function fleetWith(read: () => Promise<typeof MARKET>, over: Partial<Ec2FleetOptions> = {}) {
    const reads: string[][] = [];
    const fleet = fleetOf({
      pools,
      types: ['c6a.large', 'c7i.large'],
      onDemandPercentage: 0,
      priceOf: (_type, _market, spotUsd) => spotUsd ?? 0.1,
      spotPrices: async (types) => {
        reads.push([...types]);
        return await read();
      },
      ...over,
    });
    return { ...fleet, reads };
  }

  it('decide which pool comes first and what a machine costs, and are read once an hour', async () => {
    const { driver, asked, reads, clock } = fleetWith(async () => MARKET);
    await driver.members();
    expect(reads).toEqual([]);
    await driver.launch({ count: 1, decision: '1-1' });
    const [launch] = asked;
    expect(launch?.pools.map(({ priority, ...pool }) => [pool.instanceType, pool.zone, priority])).toEqual([
      ['c6a.large', 'us-east-1a', 2],
      ['c6a.large', 'us-east-1b', 0],
      ['c7i.large', 'us-east-1a', 1],
    ]);
    expect(await driver.members()).toMatchObject([{ kind: 'c6a.large us-east-1a spot', hourlyUsd: 0.05 }]);
    expect(driver.spot).toEqual({ fromUsd: 0.02, toUsd: 0.05, atMs: clock.nowMs() });
    clock.advance(3_599_000);
    await driver.members();
    expect(reads).toHaveLength(1);
    clock.advance(1000);
    await driver.members();
    expect(reads).toEqual([
      ['c6a.large', 'c7i.large'],
      ['c6a.large', 'c7i.large'],
    ]);
  });

  it('do not lower the price that caps count with: what no pool has is launched on demand', async () => {
    const { driver } = fleetWith(async () => MARKET);
    await driver.launch({ count: 1, decision: '1-1' });
    expect(await driver.hourlyUsd()).toBe(0.1);
  });

  it('that may not be read leave list prices, and a warning says so', async () => {
    const { driver, reads } = fleetWith(() => Promise.reject(new Error('access is denied')));
    await driver.launch({ count: 1, decision: '1-1' });
    await driver.launch({ count: 1, decision: '1-2' });
    expect(await driver.members()).toMatchObject([{ hourlyUsd: 0.1 }, { hourlyUsd: 0.1 }]);
    expect(driver.warnings).toEqual([
      'Spot instances count with list prices on demand, the most that they cost: access is denied',
    ]);
    expect([reads.length, driver.spot]).toEqual([1, undefined]);
  });

  it('are those of the last controller until they are read again, and are no matter on demand', () => {
    const spot = { fromUsd: 0.02, toUsd: 0.05, atMs: 1 };
    const { driver } = fleetWith(async () => MARKET);
    driver.recall?.({ spot });
    expect(driver.spot).toEqual(spot);
    const onDemand = fleetWith(async () => MARKET, { onDemandPercentage: 100 }).driver;
    onDemand.recall?.({ spot });
    expect(onDemand.spot).toBeUndefined();
  });
});
