import { describe, expect, it } from 'vitest';
import type { ResourceChange, StackEvent } from '../../../src/core/aws-account/stacks.ts';
import { ImgclsError } from '../../../src/core/runtime/errors.ts';
import { type DeployPorts, deployStack } from '../../../src/deploy/deploy-stack.ts';
import { virtualClock } from '../virtual-clock.ts';
import { event, type FakeStacks, fakeStacks } from './fake-stacks.ts';

const added: ResourceChange[] = [{ action: 'Add', resource: 'Bucket', type: 'AWS::S3::Bucket' }];
const ready = { state: 'ready' as const, changes: added };

const bucket = {
  resource: 'OutputBucket',
  physicalId: 'out',
  type: 'AWS::S3::Bucket',
  status: 'DELETE_FAILED',
};

function deploy(stacks: FakeStacks, over: Partial<DeployPorts> = {}) {
  const shown: ResourceChange[][] = [];
  const reported: StackEvent[] = [];
  const notices: string[] = [];
  const emptied: string[] = [];
  const done = deployStack(
    {
      stacks,
      buckets: { empty: async (name) => void emptied.push(name) },
      clock: virtualClock(),
      signal: new AbortController().signal,
      newName: () => 'change',
      notice: (text) => void notices.push(text),
      agreeToClear: async () => true,
      agree: async (changes) => {
        shown.push([...changes]);
        return true;
      },
      prepare: async () => {},
      onEvent: (one) => void reported.push(one),
      ...over,
    },
    {
      name: 'imgcls-test',
      template: { body: '' },
      capabilities: [],
      parameters: async (stack) => ({ Was: { value: stack?.parameters.Was ?? 'new' } }),
    },
  );
  return { done, shown, reported, notices, emptied };
}

describe('a deployment', () => {
  it('creates a missing stack, and reports each event once', async () => {
    const events = [
      event('CREATE_IN_PROGRESS'),
      event('CREATE_COMPLETE', 'Bucket'),
      event('CREATE_COMPLETE'),
    ];
    const stacks = fakeStacks({
      views: [{ state: 'pending', changes: [] }, ready],
      execution: [events.slice(0, 1), [], events.slice(1)],
    });
    const { done, shown, reported } = deploy(stacks);
    expect(await done).toMatchObject({ result: 'deployed', stack: { status: 'CREATE_COMPLETE' } });
    expect(stacks.proposed).toMatchObject([{ kind: 'CREATE', parameters: { Was: { value: 'new' } } }]);
    expect(shown).toEqual([added]);
    expect(reported).toEqual(events);
    expect(stacks).toMatchObject({ discarded: 0, removed: 0 });
  });

  it('updates an existing stack, starting from its parameters', async () => {
    const stacks = fakeStacks({
      stack: { parameters: { Was: 'before' } },
      views: [ready],
      execution: [
        [event('UPDATE_IN_PROGRESS')],
        [event('UPDATE_COMPLETE_CLEANUP_IN_PROGRESS')],
        [event('UPDATE_COMPLETE')],
      ],
    });
    expect(await deploy(stacks).done).toMatchObject({
      result: 'deployed',
      stack: { status: 'UPDATE_COMPLETE' },
    });
    expect(stacks.proposed).toMatchObject([{ kind: 'UPDATE', parameters: { Was: { value: 'before' } } }]);
  });

  it('ends without asking when there is nothing to change', async () => {
    const stacks = fakeStacks({ stack: {}, views: [{ state: 'empty', changes: [] }] });
    const { done, shown } = deploy(stacks);
    expect(await done).toMatchObject({ result: 'unchanged' });
    expect(shown).toEqual([]);
    expect(stacks.discarded).toBe(1);
    const refused = { ...fakeStacks({ stack: {} }), propose: async () => undefined };
    expect(await deploy(refused).done).toMatchObject({ result: 'unchanged' });
  });

  it('without consent deletes its change set, and the stack if it is new', async () => {
    const fresh = fakeStacks({ views: [ready] });
    expect(await deploy(fresh, { agree: async () => false }).done).toEqual({ result: 'declined' });
    expect(fresh).toMatchObject({ discarded: 1, removed: 1, stack: undefined });
    const old = fakeStacks({ stack: {}, views: [ready] });
    expect(await deploy(old, { agree: async () => false }).done).toEqual({ result: 'declined' });
    expect(old).toMatchObject({ discarded: 1, removed: 0 });
    const shell = fakeStacks({ stack: { status: 'REVIEW_IN_PROGRESS' }, views: [ready] });
    await deploy(shell, { agree: async () => false }).done;
    expect(shell).toMatchObject({ discarded: 1, removed: 0 });
    const failing = fakeStacks({ views: [{ state: 'failed', reason: 'Parameter X is wrong', changes: [] }] });
    await expect(deploy(failing).done).rejects.toThrow('Cannot plan the changes: Parameter X is wrong');
    expect(failing).toMatchObject({ discarded: 1, removed: 1 });
  });

  it('reports the planning error also when its clean-up fails', async () => {
    const failing = fakeStacks({ views: [{ state: 'failed', reason: 'Parameter X is wrong', changes: [] }] });
    const stuck: FakeStacks = Object.assign(failing, {
      discard: async () => {
        throw new ImgclsError('config', 'DeleteChangeSet is denied');
      },
    });
    const notices: string[] = [];
    const { done } = deploy(stuck, { notice: (text) => void notices.push(text) });
    await expect(done).rejects.toThrow('Cannot plan the changes: Parameter X is wrong');
    expect(notices).toEqual(['Cannot delete change set change-set-id: DeleteChangeSet is denied']);
    expect(stuck.removed).toBe(1);
  });

  it('never deletes a deployment that may be in progress', async () => {
    const stacks = fakeStacks({ views: [ready] });
    const lost: FakeStacks = Object.assign(stacks, {
      execute: async () => {
        throw new ImgclsError('transient', 'the answer was lost');
      },
    });
    await expect(deploy(lost).done).rejects.toThrow('the answer was lost');
    expect(lost).toMatchObject({ discarded: 0, removed: 0 });
  });

  it('waits for another deployment in progress, then continues from its result', async () => {
    const stacks = fakeStacks({
      stack: {},
      states: ['UPDATE_IN_PROGRESS', 'UPDATE_IN_PROGRESS', 'UPDATE_COMPLETE', 'UPDATE_COMPLETE'],
      views: [ready],
      execution: [[event('UPDATE_COMPLETE')]],
    });
    const { done, notices } = deploy(stacks);
    expect(await done).toMatchObject({ result: 'deployed' });
    expect(notices).toEqual(['Stack imgcls-test is UPDATE_IN_PROGRESS. Waiting for it to finish.']);
    const going = fakeStacks({
      stack: {},
      states: ['DELETE_IN_PROGRESS', 'DELETE_COMPLETE', 'DELETE_COMPLETE'],
      views: [ready],
      execution: [[event('CREATE_COMPLETE')]],
    });
    const { done: created, notices: said } = deploy(going);
    expect(await created).toMatchObject({ result: 'deployed' });
    expect(said).toEqual(['Stack imgcls-test is DELETE_IN_PROGRESS. Waiting for it to finish.']);
    expect(going.proposed).toMatchObject([{ kind: 'CREATE' }]);
  });

  it.each(['ROLLBACK_COMPLETE', 'ROLLBACK_FAILED', 'CREATE_FAILED'])(
    'with consent deletes a stack in %s with what is in its buckets, and deploys again',
    async (status) => {
      const script = { stack: { status }, views: [ready], execution: [[event('CREATE_COMPLETE')]] };
      const stacks = fakeStacks(script);
      stacks.present = [bucket];
      const { done, emptied } = deploy(stacks);
      expect(await done).toMatchObject({ result: 'deployed' });
      expect(stacks).toMatchObject({ removed: 1, proposed: [{ kind: 'CREATE' }] });
      expect(emptied).toEqual(['out']);
      const kept = fakeStacks(script);
      expect(await deploy(kept, { agreeToClear: async () => false }).done).toEqual({ result: 'declined' });
      expect(kept).toMatchObject({ removed: 0, proposed: [] });
    },
  );

  it.each([
    ['UPDATE_ROLLBACK_FAILED', /continue-update-rollback --stack-name imgcls-test/],
    ['DELETE_FAILED', /imgcls destroy/],
  ])('explains how to repair %s', async (status, hint) => {
    const stacks = fakeStacks({ stack: { status, reason: 'Bucket could not be deleted.' } });
    await expect(deploy(stacks).done).rejects.toMatchObject({
      message: `Stack imgcls-test is in state ${status}: Bucket could not be deleted.`,
      hint: expect.stringMatching(hint),
    });
    expect(stacks.proposed).toEqual([]);
  });

  it('that fails reports the first failure, not the later ones', async () => {
    const stacks = fakeStacks({
      stack: {},
      views: [ready],
      execution: [
        [event('UPDATE_IN_PROGRESS'), event('CREATE_FAILED', 'Web', 'Certificate arn:x not found')],
        [event('UPDATE_FAILED', 'Role', 'Resource update cancelled'), event('UPDATE_ROLLBACK_IN_PROGRESS')],
        [event('UPDATE_ROLLBACK_COMPLETE')],
      ],
    });
    await expect(deploy(stacks).done).rejects.toMatchObject({
      kind: 'permanent',
      message:
        'Stack imgcls-test could not be updated. The first failure is Web (AWS::Test::Thing):\nCertificate arn:x not found.',
      hint: expect.stringMatching(/--certificate[\s\S]*the cluster is as before[\s\S]*describe-stack-events/),
    });
    expect(stacks.discarded).toBe(0);
  });

  it('that cannot roll back its first stack, since its buckets are not empty, is rolled back to nothing', async () => {
    const stacks = fakeStacks({
      views: [ready],
      execution: [[event('CREATE_FAILED', 'Web', 'no capacity'), event('ROLLBACK_FAILED')]],
    });
    stacks.present = [bucket];
    const { done, emptied, notices } = deploy(stacks);
    await expect(done).rejects.toMatchObject({
      message: expect.stringContaining('The first failure is Web'),
      hint: expect.stringContaining('starts from scratch'),
    });
    expect(notices).toEqual([expect.stringContaining('Emptying its buckets and deleting it')]);
    expect({ emptied, removed: stacks.removed }).toEqual({ emptied: ['out'], removed: 1 });
    expect(stacks.stack?.status).toBe('DELETE_COMPLETE');
  });

  const NOW_MS = 10_000_000;
  /** The events of a destroyed cluster, newest first: its deletion began five minutes before it ended. */
  const destroyed = (endedAtMs: number): StackEvent[] => [
    { ...event('DELETE_COMPLETE'), atMs: endedAtMs },
    { ...event('DELETE_IN_PROGRESS'), atMs: endedAtMs - 300_000 },
    { ...event('CREATE_IN_PROGRESS'), atMs: 0 },
  ];
  const declined: StackEvent[] = [
    { ...event('DELETE_COMPLETE'), atMs: NOW_MS },
    { ...event('REVIEW_IN_PROGRESS'), atMs: NOW_MS },
  ];

  it.each([
    { when: 'just now', past: [destroyed(NOW_MS - 1000)], waitSeconds: 64 },
    { when: 'before a plan without consent', past: [declined, destroyed(NOW_MS - 9000)], waitSeconds: 56 },
    { when: 'by a clock that is ahead', past: [destroyed(NOW_MS + 3_600_000)], waitSeconds: 65 },
    { when: 'an hour ago', past: [declined, destroyed(NOW_MS - 3_600_000)], waitSeconds: 0 },
    { when: 'never', past: [declined], waitSeconds: 0 },
  ])('waits until SQS frees the queue names of a cluster destroyed $when', async ({ past, waitSeconds }) => {
    const stacks = fakeStacks({ views: [ready], execution: [[event('CREATE_COMPLETE')]] });
    stacks.past = new Map(past.map((events, at) => [`deleted-${at}`, events]));
    const clock = virtualClock(NOW_MS);
    let executedAtMs = 0;
    const { execute } = stacks;
    stacks.execute = async (changeSet) => {
      executedAtMs = clock.nowMs();
      await execute(changeSet);
    };
    const { done, notices } = deploy(stacks, { clock });
    expect(await done).toMatchObject({ result: 'deployed' });
    expect(executedAtMs).toBe(NOW_MS + waitSeconds * 1000);
    expect(notices).toEqual(
      waitSeconds === 0
        ? []
        : [`Waiting ${waitSeconds} s: SQS keeps the names of deleted queues for a minute.`],
    );
  });

  const deletedMeanwhile = {
    message: 'Stack imgcls-test was deleted during the deployment.',
    hint: expect.stringContaining('run the same command again'),
  };

  it('says that another command destroyed the cluster meanwhile, and what to do', async () => {
    const execution = [[event('UPDATE_IN_PROGRESS')], [event('DELETE_COMPLETE')]];
    const stacks = fakeStacks({ stack: {}, views: [ready], execution });
    await expect(deploy(stacks).done).rejects.toMatchObject(deletedMeanwhile);
  });

  it('does not begin when its stack was destroyed while it waited for consent', async () => {
    const stacks = fakeStacks({ views: [ready], execution: [[event('CREATE_COMPLETE')]] });
    const agree = async () => {
      if (stacks.stack !== undefined) stacks.stack.status = 'DELETE_COMPLETE';
      return true;
    };
    const { done, notices, reported } = deploy(stacks, { agree });
    await expect(done).rejects.toMatchObject(deletedMeanwhile);
    expect({ notices, reported }).toEqual({ notices: [], reported: [] });
  });

  it('continues on AWS after an interrupt', async () => {
    const interrupted = new AbortController();
    const stacks = fakeStacks({ views: [ready], execution: [[event('CREATE_IN_PROGRESS')]] });
    const { done } = deploy(stacks, { signal: interrupted.signal, onEvent: () => interrupted.abort() });
    await expect(done).rejects.toThrow();
    expect(stacks).toMatchObject({ discarded: 0, removed: 0 });
  });
});
