// Deletes a cluster. First what could launch or write anything: Auto Scaling groups, then instances. Then the objects in the
// buckets, and last the stack with everything else.

import type { Buckets, ScalingGroups } from '../core/aws-account/account.ts';
import type { Ec2Instance } from '../core/aws-account/ec2.ts';
import { failureOf } from '../core/aws-account/instances-error.ts';
import type { Stack, StackEvent, StackResource, Stacks } from '../core/aws-account/stacks.ts';
import type { QueueService } from '../core/cloud/ports.ts';
import { isResponseQueue, responseQueuePrefix } from '../core/job/keys.ts';
import { isTransient } from '../core/runtime/errors.ts';
import { pluralize } from '../core/text/pluralize.ts';
import { removeStack } from './deploy-stack.ts';
import { untilAtRest, type WatchPorts } from './follow.ts';
import { isReviewInProgress } from './stack-state.ts';

/** Counting objects stops here. */
export const MAX_COUNTED_OBJECTS = 20_000;
/** A notice for each so many deleted objects. */
const REPORT_EVERY_OBJECTS = 20_000;
/** Time for workers to finish their work before their instances end. */
const TERMINATION_TIMEOUT_MS = 5 * 60_000;
const LOOK_EVERY_MS = 5000;
/** Objects written during the deletion keep a bucket from being deleted. Empty the buckets and try again so often. */
const MAX_TRIES = 3;

/** Instances of the cluster's fleet. */
export interface ClusterInstances {
  /** Includes terminated ones as long as EC2 lists them. */
  list(): Promise<Ec2Instance[]>;
  /** Terminates any instances of the account. */
  end(ids: readonly string[]): Promise<void>;
}

export interface DestroyPorts extends WatchPorts {
  cluster: string;
  stackName: string;
  stacks: Stacks;
  machines: ClusterInstances;
  groups: ScalingGroups;
  buckets: Buckets;
  queues: Pick<QueueService, 'list' | 'remove'>;
  /** Counts unfinished jobs in an output bucket. */
  countUnfinishedJobs(bucket: string): Promise<number>;
  clock: WatchPorts['clock'] & { monotonicMs(): number };
  notice(text: string): void;
  onEvent(event: StackEvent): void;
}

/** Everything that a cluster consists of. */
export interface ClusterContents {
  stack: Stack | undefined;
  resources: StackResource[];
  /** `objects`: object versions, counted up to {@link MAX_COUNTED_OBJECTS}. */
  buckets: { name: string; objects: number }[];
  machines: Ec2Instance[];
  unfinishedJobs: number;
  responseQueues: string[];
}

/** Waits for an operation in progress on the stack, then lists the cluster's contents. Changes nothing. */
export async function surveyCluster(ports: DestroyPorts): Promise<ClusterContents> {
  const { stacks, buckets, countUnfinishedJobs } = ports;
  const stack = await stackAtRest(ports);
  const resources = stack === undefined ? [] : await stacks.resources(stack.id);
  const found: ClusterContents['buckets'] = [];
  for (const name of physicalIds(resources, 'AWS::S3::Bucket')) {
    const objects = await buckets.count(name, MAX_COUNTED_OBJECTS);
    if (objects !== undefined) found.push({ name, objects });
  }
  const output = stack?.outputs.OutputBucket;
  const hasOutput = output !== undefined && found.some(({ name }) => name === output);
  return {
    stack,
    resources,
    buckets: found,
    machines: await runningMachines(ports),
    unfinishedJobs: hasOutput ? await countUnfinishedJobs(output) : 0,
    responseQueues: await responseQueues(ports),
  };
}

async function stackAtRest(ports: DestroyPorts): Promise<Stack | undefined> {
  const stack = await ports.stacks.find(ports.stackName);
  if (stack === undefined) return undefined;
  if (!isReviewInProgress(stack)) return await untilAtRest(ports, stack);
  ports.notice(
    `Stack ${stack.name} is empty: its deployment was planned and has not begun. If it is destroyed, that "imgcls deploy" fails.`,
  );
  return stack;
}

export const isEmpty = ({ stack, machines, responseQueues: queues }: ClusterContents): boolean =>
  stack === undefined && machines.length === 0 && queues.length === 0;

/** @returns the resources that the template tells CloudFormation to retain. */
export async function destroyCluster(ports: DestroyPorts, contents: ClusterContents): Promise<StackEvent[]> {
  const { stack } = contents;
  await endMachines(ports, contents);
  const retained = stack === undefined ? [] : await emptyAndRemove(ports, stack, contents);
  const late = await runningMachines(ports);
  if (late.length > 0) {
    ports.notice(
      `Terminating ${pluralize(late.length, 'more instance')}: another controller has launched them meanwhile.`,
    );
    await endAll(
      ports,
      late.map(({ id }) => id),
    );
  }
  for (const name of await responseQueues(ports)) await ports.queues.remove(name);
  const kept: StackEvent[] = [];
  for (const event of retained) {
    // Delete retained buckets, too: the user has agreed, and they are empty.
    if (event.type === 'AWS::S3::Bucket') await ports.buckets.remove(event.physicalId ?? '');
    else kept.push(event);
  }
  return kept;
}

async function endMachines(
  ports: DestroyPorts,
  { resources, machines: running }: Pick<ClusterContents, 'resources' | 'machines'>,
): Promise<void> {
  const { groups, machines, clock, signal, notice } = ports;
  const ids = new Set(running.map(({ id }) => id));
  for (const group of physicalIds(resources, 'AWS::AutoScaling::AutoScalingGroup'))
    for (const id of await groups.close(group)) ids.add(id);
  if (ids.size === 0) return;
  notice(`Terminating ${pluralize(ids.size, 'instance')}. Workers finish the batches that they have begun.`);
  await endAll(ports, [...ids]);
  const untilMs = clock.monotonicMs() + TERMINATION_TIMEOUT_MS;
  while ((await machines.list()).some(({ state }) => state !== 'terminated')) {
    signal.throwIfAborted();
    if (clock.monotonicMs() > untilMs) {
      notice('Some instances are still terminating. Continuing without waiting for them.');
      return;
    }
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
}

/** EC2 takes only so many at once. The others are asked for again, as long as some have ended. */
async function endAll(
  { machines, clock, signal }: Pick<DestroyPorts, 'machines' | 'clock' | 'signal'>,
  ids: readonly string[],
): Promise<void> {
  for (let left = ids; ; ) {
    const failure = await failureOf(machines.end(left));
    if (failure === undefined) return;
    if (!isTransient(failure) || failure.ids.size === left.length) throw failure;
    left = [...failure.ids];
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
}

async function emptyAndRemove(
  ports: DestroyPorts,
  stack: Stack,
  { buckets }: Pick<ClusterContents, 'buckets'>,
): Promise<StackEvent[]> {
  for (let tries = 1; ; tries++) {
    for (const { name } of buckets) await emptyBucket(ports, name);
    try {
      const events = await removeStack(ports, stack);
      return events.filter(({ status }) => status === 'DELETE_SKIPPED');
    } catch (error) {
      ports.signal.throwIfAborted();
      if (tries >= MAX_TRIES || !(await hasFilledBucket(ports, buckets))) throw error;
      ports.notice('New objects were written to a bucket. Emptying it again.');
    }
  }
}

async function emptyBucket({ buckets, notice, signal }: DestroyPorts, name: string): Promise<void> {
  let reported = 0;
  let total = 0;
  const report = () => {
    reported = total;
    notice(`Deleted ${pluralize(total, 'object version')} from ${name}.`);
  };
  const onProgress = (deleted: number) => {
    total = deleted;
    if (total - reported >= REPORT_EVERY_OBJECTS) report();
  };
  await buckets.empty(name, onProgress, signal);
  if (total > reported) report();
}

async function hasFilledBucket(
  ports: Pick<DestroyPorts, 'buckets'>,
  buckets: ClusterContents['buckets'],
): Promise<boolean> {
  for (const { name } of buckets) if (((await ports.buckets.count(name, 1)) ?? 0) > 0) return true;
  return false;
}

const ENDED: readonly Ec2Instance['state'][] = ['shutting-down', 'terminated'];

async function runningMachines({ machines }: Pick<DestroyPorts, 'machines'>): Promise<Ec2Instance[]> {
  return (await machines.list()).filter(({ state }) => !ENDED.includes(state));
}

async function responseQueues({
  queues,
  cluster,
}: Pick<DestroyPorts, 'queues' | 'cluster'>): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of queues.list(responseQueuePrefix(cluster)))
    if (isResponseQueue(cluster, name)) names.push(name);
  return names;
}

const physicalIds = (resources: readonly StackResource[], wanted: string): string[] =>
  resources.flatMap(({ type, physicalId }) =>
    type === wanted && physicalId !== undefined ? [physicalId] : [],
  );
