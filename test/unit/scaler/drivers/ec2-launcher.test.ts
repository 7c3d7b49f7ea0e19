import { describe, expect, it } from 'vitest';
import { createEc2 } from '../../../../src/aws/ec2.ts';
import type { Ec2Instance, Ec2Launch, Market, Pool, Refusal } from '../../../../src/core/aws-account/ec2.ts';
import { Ec2Launcher } from '../../../../src/scaler/drivers/ec2-launcher.ts';
import { virtualClock } from '../../virtual-clock.ts';

const POOLS: Pool[] = ['c7i.large', 'm7i.large'].flatMap((instanceType) =>
  ['subnet-a', 'subnet-b'].map((subnet) => ({ instanceType, subnet })),
);

/** An account with a quota of instances and capacity by market and pool. It refuses a whole request above its quota. */
function newAccount(account: {
  quota?: Partial<Record<Market, number>>;
  has?(market: Market, pool: Pool): boolean;
}) {
  const { quota = {}, has = () => true } = account;
  const requests: Ec2Launch[] = [];
  const instances: Ec2Instance[] = [];
  const running = (market: Market) => instances.filter((each) => each.market === market).length;
  const start = (market: Market, count: number) =>
    Array.from({ length: count }, () => {
      const id = `i-${instances.length}`;
      instances.push({ id, state: 'running', type: '', zone: '', market, launchedAtMs: 0, tags: {} });
      return id;
    });
  const clock = virtualClock();
  const options = {
    ec2: {
      async launch(launch: Ec2Launch) {
        requests.push(launch);
        const started: string[] = [];
        const refusals: Refusal[] = [];
        for (const [market, count] of [
          ['on-demand', launch.onDemand],
          ['spot', launch.spot],
        ] as const) {
          if (count === 0) continue;
          const why = `no more ${market} instances`;
          if (running(market) + count > (quota[market] ?? 1000))
            refusals.push({ market, code: 'VcpuLimitExceeded', why, mayPass: true, ofAccount: true });
          else if (launch.pools.some((pool) => has(market, pool))) started.push(...start(market, count));
          else
            for (const pool of launch.pools)
              refusals.push({
                market,
                pool,
                code: 'InsufficientInstanceCapacity',
                why: 'no capacity',
                mayPass: true,
              });
        }
        return { started, refusals };
      },
    },
    template: 'workers',
    onDemandPercentage: 0,
    clock,
  };
  const launcher = new Ec2Launcher(options, () => {});
  const launch = (count: number) =>
    launcher.launch(count, {
      epoch: 1,
      tags: {},
      pools: { spot: POOLS, 'on-demand': POOLS },
      instances: [...instances],
    });
  return { launcher, launch, requests, running, clock, options };
}

describe('a fleet that prefers spot instances', () => {
  it('launches spot instances while there are some', async () => {
    const { launch, launcher, running } = newAccount({});
    expect((await launch(3)).started).toHaveLength(3);
    expect({ spot: running('spot'), onDemand: running('on-demand') }).toEqual({ spot: 3, onDemand: 0 });
    expect(launcher.warnings).toEqual([]);
  });

  it('launches on demand in the same launch if no pool has spot capacity, and says so', async () => {
    const { launch, launcher, running, clock, requests } = newAccount({ has: (market) => market !== 'spot' });
    expect((await launch(3)).started).toHaveLength(3);
    expect(running('on-demand')).toBe(3);
    expect(launcher.warnings).toEqual(['Launched on demand, since there is no spot capacity: no capacity.']);
    clock.advance(60_000);
    await launch(1);
    expect(requests.at(2)?.spot).toBe(1);
    clock.advance(10 * 60_000);
    expect(launcher.warnings).toEqual([]);
  });

  it('launches on demand if the account has no quota of spot instances', async () => {
    const { launch, launcher, running } = newAccount({ quota: { spot: 0 } });
    expect((await launch(4)).started).toHaveLength(4);
    expect(running('on-demand')).toBe(4);
    expect(launcher.warnings[0]).toContain('The account is at its limit of spot instances');
  });

  it('asks on demand in pools that refused spot instances only', async () => {
    const { launch, requests } = newAccount({ has: (market) => market !== 'spot' });
    await launch(1);
    expect(requests.at(-1)).toMatchObject({ onDemand: 1, spot: 0, pools: POOLS });
  });
});

describe('an account with a small quota', () => {
  it('gets as many instances as the quota allows, by asking for fewer', async () => {
    const { launch, launcher, options, running, requests } = newAccount({ quota: { 'on-demand': 3 } });
    options.onDemandPercentage = 100;
    const answer = await launch(10);
    expect(answer).toMatchObject({ retryable: { count: 7, why: 'no more on-demand instances' } });
    expect(running('on-demand')).toBe(3);
    expect(new Set(requests.map(({ token }) => token)).size).toBe(requests.length);
    expect(launcher.warnings).toEqual([
      'The account is at its limit of on-demand instances: no more on-demand instances. Raise the quota in the Service Quotas console (Amazon EC2).',
    ]);
  });

  it('is asked a few times in five minutes, not at every tick', async () => {
    const { launch, options, requests, clock } = newAccount({ quota: { 'on-demand': 0 } });
    options.onDemandPercentage = 100;
    for (let tick = 0; tick < 720; tick++) {
      await launch(10);
      clock.advance(5000);
    }
    expect(requests.length).toBe(12 * 4);
  });
});

describe('the errors of CreateFleet', () => {
  const launchWith = async (send: () => Promise<unknown>) => {
    const ec2 = createEc2({ send } as never);
    return await ec2.launch({ token: '', template: 'workers', pools: POOLS, onDemand: 1, spot: 0, tags: {} });
  };

  it.each(['MaxFleetCountExceeded', 'VcpuLimitExceeded'])('are a limit of the account: %s', async (name) => {
    const answer = await launchWith(async () => {
      throw Object.assign(new Error('Too many.'), { name });
    });
    expect(answer).toMatchObject({ started: [], refusals: [{ code: name, mayPass: true, ofAccount: true }] });
  });

  it('are of one pool if its zone lacks the type, and of one market', async () => {
    const { refusals } = await launchWith(async () => ({
      Errors: [
        {
          ErrorCode: 'InvalidFleetConfiguration',
          ErrorMessage: 'Your requested instance type (c7i.large) is not supported in us-east-1e.',
          Lifecycle: 'on-demand',
          LaunchTemplateAndOverrides: { Overrides: { InstanceType: 'c7i.large', SubnetId: 'subnet-a' } },
        },
      ],
    }));
    expect(refusals).toMatchObject([
      { pool: { instanceType: 'c7i.large', subnet: 'subnet-a' }, market: 'on-demand', mayPass: true },
    ]);
    expect(refusals[0]).not.toHaveProperty('ofAccount');
  });
});
