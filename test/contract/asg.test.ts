/** The driver of Auto Scaling groups against moto, with a proxy in between that injects faults of AWS and of the network. */
import {
  type AutoScalingClient,
  type AutoScalingGroup,
  CreateAutoScalingGroupCommand,
  type CreateAutoScalingGroupCommandInput,
  DeleteAutoScalingGroupCommand,
  DescribeAutoScalingGroupsCommand,
  PutWarmPoolCommand,
  SetDesiredCapacityCommand,
} from '@aws-sdk/client-auto-scaling';
import { CreateLaunchTemplateCommand, DescribeInstancesCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createAutoScaling } from '../../src/aws/auto-scaling.ts';
import { createAutoScalingClient, createEc2Client } from '../../src/aws/clients.ts';
import { createEc2 } from '../../src/aws/ec2.ts';
import { endSelfInGroup, protectSelf } from '../../src/aws/group-self.ts';
import { createAsgFleet } from '../../src/scaler/drivers/asg.ts';
import { checkGroup } from '../../src/scaler/drivers/asg-check.ts';
import type { FleetDriver } from '../../src/scaler/fleet.ts';
import { virtualClock } from '../unit/virtual-clock.ts';
import {
  type FaultProxy,
  type ProxiedRequest,
  type Reply,
  serviceError,
  startFaultProxy,
} from './fault-proxy.ts';
import { describeFleetDriver } from './fleet-suite.ts';
import { type Moto, standInEnvironment, startMoto } from './moto.ts';

const TEMPLATE = 'imgcls-worker';
const moto: Moto | undefined = await startMoto();
const proxy: FaultProxy | undefined = moto && (await startFaultProxy(moto.url));
let client: AutoScalingClient;
let ec2: EC2Client;

beforeAll(async () => {
  if (proxy === undefined) return;
  for (const [name, value] of Object.entries(standInEnvironment(proxy.url))) vi.stubEnv(name, value);
  client = createAutoScalingClient();
  ec2 = createEc2Client();
  await ec2.send(
    new CreateLaunchTemplateCommand({
      LaunchTemplateName: TEMPLATE,
      LaunchTemplateData: { ImageId: 'ami-12c6146b', InstanceType: 'c7i.large' },
    }),
  );
});
afterAll(async () => {
  client?.destroy();
  ec2?.destroy();
  await proxy?.close();
  await moto?.close();
  vi.unstubAllEnvs();
});

/** Retries without waits. */
const timing = { clock: virtualClock(), random: () => 0.5 };

let groups = 0;
async function world(over: Partial<CreateAutoScalingGroupCommandInput> = {}) {
  const group = `group-${++groups}`;
  await client.send(
    new CreateAutoScalingGroupCommand({
      AutoScalingGroupName: group,
      MinSize: 0,
      MaxSize: 10,
      AvailabilityZones: ['us-east-1a'],
      ...(over.MixedInstancesPolicy === undefined && {
        LaunchTemplate: { LaunchTemplateName: TEMPLATE, Version: '$Default' },
      }),
      ...over,
    }),
  );
  const clock = virtualClock(Date.now());
  const autoScaling = createAutoScaling(client, timing);
  const driver = (): FleetDriver =>
    createAsgFleet({
      autoScaling,
      ec2: createEc2(ec2),
      group,
      maxLifetimeMs: 3_600_000,
      priceOf: (type) => (type === 'c7i.large' ? 0.09 : undefined),
      hourlyUsd: 0.09,
      clock,
    });
  const described = async (): Promise<AutoScalingGroup> => {
    const command = new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [group] });
    const { AutoScalingGroups: [found] = [] } = await client.send(command);
    return found as AutoScalingGroup;
  };
  /** The real state, without the driver's corrections. */
  const real = async () => {
    const { DesiredCapacity = -1, Instances = [] } = await described();
    return { desired: DesiredCapacity, ids: Instances.map(({ InstanceId = '' }) => InstanceId).sort() };
  };
  return { group, driver, autoScaling, described, real, clock };
}

const ids = async (driver: FleetDriver) => (await driver.members()).map(({ id }) => id).sort();
const of = (action: string) => (request: ProxiedRequest) => request.action === action;
const refusing = (status: number, code: string, message?: string) => async (request: ProxiedRequest) =>
  serviceError(request, status, code, message);
/** The request took effect, but its answer is lost. */
const losingTheAnswer = async (_: ProxiedRequest, forward: () => Promise<Reply>) => {
  await forward();
  return 'reset' as const;
};
const answering = (action: string, result: string) => async (): Promise<Reply> => ({
  status: 200,
  headers: { 'content-type': 'text/xml' },
  body: `<${action}Response xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"><${action}Result>${result}</${action}Result></${action}Response>`,
});

if (proxy !== undefined) {
  describeFleetDriver('Auto Scaling group', async () => {
    const { driver, group } = await world();
    return {
      driver,
      async release() {
        await client.send(
          new DeleteAutoScalingGroupCommand({ AutoScalingGroupName: group, ForceDelete: true }),
        );
      },
    };
  });
}

describe.skipIf(proxy === undefined)('an Auto Scaling group of AWS', () => {
  const faults = proxy as FaultProxy;
  const sent = (action: string) => faults.requests.filter(of(action));
  beforeEach(() => {
    faults.unused();
    faults.requests.length = 0;
  });
  afterEach(() => {
    expect(faults.unused(), 'injected faults that no request met').toBe(0);
  });

  it('has instances with the launch tag, a price and an expiry', async () => {
    const { driver, clock } = await world();
    const fleet = driver();
    const { started } = await fleet.launch({ count: 1, decision: '7-1' });
    const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [...started] }));
    expect(Reservations[0]?.Instances?.[0]?.Tags).toContainEqual({ Key: 'imgcls:launch', Value: '7-1' });
    const [member] = await fleet.members();
    expect(member).toMatchObject({ state: 'running', hourlyUsd: 0.09 });
    expect(member?.kind).toMatch(/^c7i\.large us-east-1\w on-demand$/);
    expect(member?.expiresAtMs).toBeCloseTo(clock.nowMs() + 5_400_000, -4);
  });

  it('launches once through lost answers, throttling and errors of the service', async () => {
    const { driver, real } = await world();
    const fleet = driver();
    faults.inject({ of: of('SetDesiredCapacity'), times: 2, answer: losingTheAnswer });
    faults.inject({ of: of('SetDesiredCapacity'), answer: refusing(500, 'ResourceContention') });
    faults.inject({ of: of('DescribeAutoScalingGroups'), answer: refusing(400, 'Throttling') });
    const { started } = await fleet.launch({ count: 2, decision: '1-1' });
    expect(await real()).toEqual({ desired: 2, ids: started.toSorted() });
  });

  it('shows at the next read what it launched when every answer was lost', async () => {
    const { driver, real } = await world();
    const fleet = driver();
    faults.inject({ of: of('SetDesiredCapacity'), times: 7, answer: losingTheAnswer });
    await expect(fleet.launch({ count: 2, decision: '1-1' })).rejects.toMatchObject({ kind: 'transient' });
    expect(await ids(fleet)).toEqual((await real()).ids);
    await fleet.launch({ count: 1, decision: '1-2' });
    expect(await real()).toMatchObject({ desired: 3 });
  });

  it('is unknown, not empty, while it cannot be read', async () => {
    const { driver } = await world();
    faults.inject({
      of: of('DescribeAutoScalingGroups'),
      times: 7,
      answer: refusing(503, 'ServiceUnavailable'),
    });
    await expect(driver().members()).rejects.toMatchObject({ kind: 'transient' });
    faults.inject({ of: of('DescribeInstances'), answer: refusing(403, 'UnauthorizedOperation') });
    await expect(driver().members()).rejects.toMatchObject({ kind: 'permanent' });
  });

  it('is made smaller once when the answer is lost', async () => {
    const { driver, real } = await world();
    const fleet = driver();
    const { started } = await fleet.launch({ count: 3, decision: '1-1' });
    faults.inject({ of: of('TerminateInstanceInAutoScalingGroup'), answer: losingTheAnswer });
    await expect(fleet.retire(started.slice(0, 1))).rejects.toMatchObject({ kind: 'transient' });
    await fleet.retire(started.slice(0, 1));
    expect(sent('TerminateInstanceInAutoScalingGroup')).toHaveLength(1);
    expect(await real()).toEqual({ desired: 2, ids: started.slice(1).toSorted() });
  });

  it('gets the request to end an instance again after it refused it', async () => {
    const { driver, real } = await world();
    const fleet = driver();
    const { started } = await fleet.launch({ count: 1, decision: '1-1' });
    const end = of('TerminateInstanceInAutoScalingGroup');
    faults.inject({ of: end, answer: refusing(400, 'Throttling') });
    faults.inject({ of: end, answer: refusing(400, 'ScalingActivityInProgress') });
    await fleet.retire(started);
    expect(await real()).toEqual({ desired: 0, ids: [] });
  });

  it('treats an unknown instance as ended', async () => {
    const { driver } = await world();
    const fleet = driver();
    const { started } = await fleet.launch({ count: 1, decision: '1-1' });
    const words = `Instance Id not found - No managed instance found for instance ID: ${started[0]}`;
    faults.inject({
      of: of('TerminateInstanceInAutoScalingGroup'),
      answer: refusing(400, 'ValidationError', words),
    });
    await fleet.retire(started);
    expect(await fleet.members()).toMatchObject([{ state: 'draining' }]);
  });

  it('reports which action is not allowed', async () => {
    const { driver } = await world();
    faults.inject({ of: of('SetDesiredCapacity'), answer: refusing(403, 'AccessDenied') });
    const { permanent } = await driver().launch({ count: 2, decision: '1-1' });
    expect(permanent).toMatchObject({ count: 2 });
    expect(permanent?.why).toMatch(/autoscaling:SetDesiredCapacity.*access is denied.*Check the permissions/);
  });

  it('lists its warm pool, over any number of pages', async () => {
    const { driver, group } = await world();
    await client.send(new PutWarmPoolCommand({ AutoScalingGroupName: group, MinSize: 2 }));
    const page = (id: string, next = '') =>
      answering(
        'DescribeWarmPool',
        `<Instances><member><InstanceId>${id}</InstanceId><InstanceType>c7i.large</InstanceType><LifecycleState>Warmed:Stopped</LifecycleState></member></Instances>${next}`,
      );
    faults.inject({ of: of('DescribeWarmPool'), answer: page('i-warm1', '<NextToken>more</NextToken>') });
    faults.inject({ of: of('DescribeWarmPool'), answer: page('i-warm2') });
    expect((await driver().members()).map(({ id, state }) => [id, state])).toEqual([
      ['i-warm1', 'stopped'],
      ['i-warm2', 'stopped'],
    ]);
  });

  it('reports why its last launch failed, unless one has succeeded since', async () => {
    const { autoScaling, group } = await world();
    const activity = (what: string, status: string, message = '') =>
      `<member><ActivityId>1</ActivityId><AutoScalingGroupName>${group}</AutoScalingGroupName><Cause>c</Cause><StartTime>2026-01-01T00:00:00Z</StartTime><Description>${what}</Description><StatusCode>${status}</StatusCode><StatusMessage>${message}</StatusMessage></member>`;
    const failed = activity('Launching a new EC2 instance. Status Reason: none left', 'Failed', 'none left');
    const ended = activity('Terminating EC2 instance: i-1', 'Successful');
    const activities = (...members: string[]) => ({
      of: of('DescribeScalingActivities'),
      answer: answering('DescribeScalingActivities', `<Activities>${members.join('')}</Activities>`),
    });
    faults.inject(activities(ended, failed));
    expect(await autoScaling.lastLaunchFailure(group)).toBe('none left');
    faults.inject(activities(activity('Launching a new EC2 instance: i-2', 'Successful'), failed));
    expect(await autoScaling.lastLaunchFailure(group)).toBeUndefined();
    expect(await autoScaling.lastLaunchFailure(group)).toBeUndefined();
  });

  it('may launch the types of its mixed instances policy, unless it counts their weights', async () => {
    const policy = (WeightedCapacity?: string) => ({
      MixedInstancesPolicy: {
        LaunchTemplate: {
          LaunchTemplateSpecification: { LaunchTemplateName: TEMPLATE, Version: '$Default' },
          Overrides: ['c7i.large', 'm7i.large'].map((InstanceType) => ({
            InstanceType,
            ...(WeightedCapacity !== undefined && { WeightedCapacity }),
          })),
        },
      },
    });
    const check = async (over: Partial<CreateAutoScalingGroupCommandInput>) => {
      const { autoScaling, group } = await world(over);
      return await checkGroup(autoScaling, createEc2(ec2), { group, min: 0 });
    };
    expect(await check({})).toMatchObject({ types: ['c7i.large'], image: expect.stringMatching(/^ami-/) });
    expect((await check(policy())).types).toEqual(['c7i.large', 'm7i.large']);
    await expect(check(policy('2'))).rejects.toThrow('counts weights');
  });

  it('that does not exist is a configuration error', async () => {
    const { autoScaling } = await world();
    await expect(checkGroup(autoScaling, createEc2(ec2), { group: 'nowhere', min: 0 })).rejects.toMatchObject(
      {
        kind: 'config',
        message: 'No Auto Scaling group nowhere found in this region.',
        hint: expect.stringContaining('describe-auto-scaling-groups'),
      },
    );
  });

  it('does not end a busy machine when a person makes the group smaller', async () => {
    const { driver, real, group } = await world();
    const { started } = await driver().launch({ count: 3, decision: '1-1' });
    const [, busy = '', released = ''] = started;
    const { signal } = new AbortController();
    for (const instanceId of [busy, released])
      await protectSelf(client, { group, instanceId, isProtected: true }, signal);
    await protectSelf(client, { group, instanceId: released, isProtected: false }, signal);
    await client.send(new SetDesiredCapacityCommand({ AutoScalingGroupName: group, DesiredCapacity: 1 }));
    expect(await real()).toEqual({ desired: 1, ids: [busy] });
  });

  it('gets smaller when a machine ends itself', async () => {
    const { driver, real } = await world();
    const { started } = await driver().launch({ count: 2, decision: '1-1' });
    await endSelfInGroup(client, started[0] ?? '');
    expect(await real()).toEqual({ desired: 1, ids: started.slice(1) });
  });

  it('replaces a machine that ends itself at the minimum', async () => {
    const { driver, real } = await world({ MinSize: 1 });
    const [own = ''] = await ids(driver());
    const words =
      "Currently, desiredSize equals minSize (1). Terminating instance without replacement will violate group's min size constraint.";
    faults.inject({
      of: of('TerminateInstanceInAutoScalingGroup'),
      answer: refusing(400, 'ValidationError', words),
    });
    await endSelfInGroup(client, own);
    const asked = sent('TerminateInstanceInAutoScalingGroup').map(({ form }) =>
      form?.get('ShouldDecrementDesiredCapacity'),
    );
    expect(asked).toEqual(['true', 'false']);
    expect(await real()).toMatchObject({ desired: 1, ids: [expect.not.stringMatching(own)] });
  });
});
