import { describe, expect, it } from 'vitest';
import type { Ec2Instance } from '../../../src/core/aws-account/ec2.ts';
import { InstancesError } from '../../../src/core/aws-account/instances-error.ts';
import { ImgclsError } from '../../../src/core/runtime/errors.ts';
import {
  type DestroyPorts,
  destroyCluster,
  isEmpty,
  surveyCluster,
} from '../../../src/deploy/destroy-cluster.ts';
import { virtualClock } from '../virtual-clock.ts';
import { event, type FakeStacks, fakeStacks, type Script } from './fake-stacks.ts';

const machine = (id: string, state: Ec2Instance['state'] = 'running'): Ec2Instance => ({
  id,
  state,
  type: 'c7i.large',
  zone: 'a',
  market: 'on-demand',
  launchedAtMs: 0,
  tags: {},
});

interface World {
  stacks: FakeStacks;
  machines: Ec2Instance[];
  /** Object versions by bucket. */
  objects: Map<string, number>;
  queues: string[];
  notices: string[];
  /** Actions, in order. */
  done: string[];
  ports: DestroyPorts;
}

function world(script: Script, over: Partial<Pick<World, 'machines'>> & { stubborn?: boolean } = {}): World {
  const stacks = fakeStacks(script);
  const done: string[] = [];
  const notices: string[] = [];
  const machines = over.machines ?? [];
  const objects = new Map([
    ['in', 3],
    ['out', 2],
  ]);
  const queues = ['imgcls-test-resp-abc', 'imgcls-test-resp-other-request'];
  stacks.present = [
    { resource: 'InputBucket', physicalId: 'in', type: 'AWS::S3::Bucket', status: 'CREATE_COMPLETE' },
    { resource: 'OutputBucket', physicalId: 'out', type: 'AWS::S3::Bucket', status: 'CREATE_COMPLETE' },
    {
      resource: 'Group',
      physicalId: 'controller',
      type: 'AWS::AutoScaling::AutoScalingGroup',
      status: 'CREATE_COMPLETE',
    },
    { resource: 'Never', type: 'AWS::S3::Bucket', status: 'CREATE_FAILED' },
  ];
  const { remove } = stacks;
  stacks.remove = async (id) => {
    done.push('stack');
    await remove(id);
  };
  const ports: DestroyPorts = {
    cluster: 'test',
    stackName: 'imgcls-test',
    stacks,
    clock: virtualClock(),
    signal: new AbortController().signal,
    machines: {
      list: async () => machines.map((each) => ({ ...each })),
      async end(ids) {
        done.push(`end ${ids.join(' ')}`);
        for (const each of machines)
          if (ids.includes(each.id) && over.stubborn !== true) each.state = 'terminated';
      },
    },
    groups: {
      async close(name) {
        done.push(`close ${name}`);
        return ['i-controller'];
      },
    },
    buckets: {
      count: async (name, most) => (objects.has(name) ? Math.min(most, objects.get(name) ?? 0) : undefined),
      async empty(name) {
        done.push(`empty ${name}`);
        objects.set(name, 0);
      },
      remove: async (name) => void done.push(`remove ${name}`),
    },
    queues: {
      async *list() {
        for (const name of [...queues]) yield { name, createdAtMs: 0 };
      },
      remove: async (name) => void queues.splice(queues.indexOf(name), 1),
    },
    countUnfinishedJobs: async () => 4,
    notice: (text) => void notices.push(text),
    onEvent: () => {},
  };
  return { stacks, machines, objects, queues, notices, done, ports };
}

const standing: Script = { stack: { outputs: { OutputBucket: 'out' } } };

describe('the contents of a cluster', () => {
  it('are listed before anything is deleted', async () => {
    const { ports, done } = world(standing, { machines: [machine('i-1'), machine('i-0', 'terminated')] });
    const contents = await surveyCluster(ports);
    expect(contents).toMatchObject({
      buckets: [
        { name: 'in', objects: 3 },
        { name: 'out', objects: 2 },
      ],
      machines: [{ id: 'i-1' }],
      unfinishedJobs: 4,
      responseQueues: ['imgcls-test-resp-abc'],
    });
    expect(isEmpty(contents)).toBe(false);
    expect(done).toEqual([]);
  });

  it('do not include those of another cluster', async () => {
    const { ports, queues } = world({});
    queues.shift();
    expect(isEmpty(await surveyCluster(ports))).toBe(true);
  });

  it.each([
    ['CREATE_IN_PROGRESS', 'CREATE_COMPLETE', 'CREATE_COMPLETE'],
    ['UPDATE_IN_PROGRESS', 'UPDATE_COMPLETE', 'UPDATE_COMPLETE'],
    ['DELETE_IN_PROGRESS', 'DELETE_COMPLETE', undefined],
  ])('are listed after another command is done: %s', async (going, done, left) => {
    const { ports, notices } = world({ ...standing, states: [going, going, done] });
    expect((await surveyCluster(ports)).stack?.status).toBe(left);
    expect(notices).toEqual([`Stack imgcls-test is ${going}. Waiting for it to finish.`]);
  });

  it('are listed with what it means for a deployment that waits for consent', async () => {
    const { ports, notices } = world({ stack: { status: 'REVIEW_IN_PROGRESS' } });
    expect((await surveyCluster(ports)).stack?.status).toBe('REVIEW_IN_PROGRESS');
    expect(notices).toEqual([expect.stringMatching(/is empty.*has not begun.*"imgcls deploy" fails/)]);
  });
});

describe('destroying a cluster', () => {
  const destroy = async ({ ports }: World) => destroyCluster(ports, await surveyCluster(ports));

  it('asks again for the instances that EC2 did not end at once, and only as long as some ended', async () => {
    const all = world(standing, { machines: ['i-1', 'i-2', 'i-3', 'i-4'].map((id) => machine(id)) });
    const { end } = all.ports.machines;
    const throttled = (ids: readonly string[]) =>
      new InstancesError(new ImgclsError('transient', 'throttled'), 'EC2 is throttled.', ids);
    all.ports.machines.end = async (ids) => {
      await end(ids.slice(0, 2));
      if (ids.length > 2) throw throttled(ids.slice(2));
    };
    await destroy(all);
    expect(all.done.slice(1, 4)).toEqual(['end i-1 i-2', 'end i-3 i-4', 'end i-controller']);
    const stuck = world(standing, { machines: [machine('i-1')] });
    stuck.ports.machines.end = async (ids) => {
      throw throttled(ids);
    };
    await expect(destroy(stuck)).rejects.toThrow('EC2 is throttled.');
  });

  it('closes groups first, then ends instances, then deletes objects, stack and queues', async () => {
    const all = world(standing, { machines: [machine('i-1'), machine('i-warm', 'stopped')] });
    expect(await destroy(all)).toEqual([]);
    expect(all.done).toEqual([
      'close controller',
      'end i-1 i-warm i-controller',
      'empty in',
      'empty out',
      'stack',
    ]);
    expect(all.queues).toEqual(['imgcls-test-resp-other-request']);
  });

  it('empties a bucket again when objects were written during the deletion', async () => {
    const failed = [
      [
        event('DELETE_FAILED', 'OutputBucket', 'The bucket is not empty', 'AWS::S3::Bucket'),
        event('DELETE_FAILED'),
      ],
    ];
    const all = world({ ...standing, removals: [failed, [[event('DELETE_COMPLETE')]]] });
    const { remove } = all.ports.stacks;
    all.ports.stacks.remove = async (id) => {
      // For example a late access log.
      if (all.stacks.removed === 0) all.objects.set('out', 1);
      await remove(id);
    };
    await destroy(all);
    expect(all.done.slice(-6)).toEqual(['empty in', 'empty out', 'stack', 'empty in', 'empty out', 'stack']);
    expect(all.stacks.stack?.status).toBe('DELETE_COMPLETE');
  });

  it('fails with the reason when another resource cannot be deleted', async () => {
    const failed = [
      [
        event('DELETE_FAILED', 'Group', 'sg-1 has a dependent object', 'AWS::EC2::SecurityGroup'),
        event('DELETE_FAILED'),
      ],
    ];
    const all = world({ ...standing, removals: [failed] });
    await expect(destroy(all)).rejects.toThrow(
      /could not be deleted.*Group \(AWS::EC2::SecurityGroup\):\nsg-1 has/,
    );
    expect(all.stacks.removed).toBe(1);
  });

  it('ends instances that another controller launched meanwhile', async () => {
    const all = world(standing, { machines: [machine('i-1')] });
    const { remove } = all.ports.stacks;
    all.ports.stacks.remove = async (id) => {
      all.machines.push(machine('i-late'));
      await remove(id);
    };
    await destroy(all);
    expect(all.done.at(-1)).toBe('end i-late');
    expect(all.machines.map(({ state }) => state)).toEqual(['terminated', 'terminated']);
  });

  it('times out waiting for instances that do not end', async () => {
    const all = world(standing, { machines: [machine('i-1')], stubborn: true });
    await destroy(all);
    expect(all.notices).toContain(
      'Some instances are still terminating. Continuing without waiting for them.',
    );
    expect(all.done).toContain('stack');
  });

  it('reports retained resources, and deletes retained buckets', async () => {
    const kept = event('DELETE_SKIPPED', 'LogGroup', undefined, 'AWS::Logs::LogGroup');
    const bucket = {
      ...event('DELETE_SKIPPED', 'InputBucket', undefined, 'AWS::S3::Bucket'),
      physicalId: 'in',
    };
    const all = world({ ...standing, removals: [[[kept, bucket, event('DELETE_COMPLETE')]]] });
    expect(await destroy(all)).toEqual([kept]);
    expect(all.done.at(-1)).toBe('remove in');
  });
});
