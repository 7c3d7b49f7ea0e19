// Deploys a stack: plan, ask, execute, follow.

import type { Buckets } from '../core/aws-account/account.ts';
import type {
  ParameterChoice,
  ResourceChange,
  Stack,
  StackEvent,
  Stacks,
  Template,
} from '../core/aws-account/stacks.ts';
import { ImgclsError, messageOf } from '../core/runtime/errors.ts';
import { deploymentError } from './diagnosis.ts';
import { followStack, lastEvent, untilAtRest, untilPlanned, type WatchPorts } from './follow.ts';
import { isReviewInProgress, isSuccess, nextStep, stuckError } from './stack-state.ts';

export interface DeployPorts extends WatchPorts {
  stacks: Stacks;
  buckets: Pick<Buckets, 'empty'>;
  clock: WatchPorts['clock'] & { nowMs(): number };
  /** Creates a name for a change set. */
  newName(): string;
  notice(text: string): void;
  /** Asks whether the remains of a failed first deployment may be deleted. */
  agreeToClear(stack: Stack): Promise<boolean>;
  /** Shows the changes and asks whether to make them. */
  agree(changes: readonly ResourceChange[]): Promise<boolean>;
  /** Called before changes that were agreed to: stores what they refer to. */
  prepare(): Promise<void>;
  onEvent(event: StackEvent): void;
}

export interface Deployment {
  name: string;
  template: Template;
  capabilities: readonly string[];
  /** Called with the existing stack, when it can be updated. Undefined ends a deployment that cannot be planned further. */
  parameters(stack: Stack | undefined): Promise<Readonly<Record<string, ParameterChoice>> | undefined>;
}

export type DeployResult = { result: 'deployed' | 'unchanged'; stack: Stack } | { result: 'declined' };

/** @throws {ImgclsError} naming the resource that failed first, why, and what to do. */
export async function deployStack(ports: DeployPorts, deployment: Deployment): Promise<DeployResult> {
  const { stacks } = ports;
  const { name, template, capabilities } = deployment;
  const ready = await readyToChange(ports, name);
  if (ready === 'declined') return { result: 'declined' };
  const { stack } = ready;
  const isNew = stack === undefined || isReviewInProgress(stack);
  const parameters = await deployment.parameters(isNew ? undefined : stack);
  if (parameters === undefined) return { result: 'declined' };
  const changeSet = await stacks.propose({
    stack: name,
    kind: isNew ? 'CREATE' : 'UPDATE',
    name: ports.newName(),
    template,
    capabilities,
    parameters,
  });
  if (changeSet === undefined) return { result: 'unchanged', stack: await present(stacks, name) };

  let isStarted = false;
  try {
    const { state, changes } = await untilPlanned(ports, changeSet);
    if (state === 'empty' && !isNew) return { result: 'unchanged', stack: await present(stacks, name) };
    if (!(await ports.agree(changes))) return { result: 'declined' };
    await ports.prepare();
    if (isNew) await untilNamesAreFree(ports, name);
    const before = await lastEvent(stacks, changeSet.stackId);
    // From here on nothing is to be cleaned up: the stack is gone, or its deployment may be in progress, even if the call fails.
    isStarted = true;
    await present(stacks, changeSet.stackId);
    await stacks.execute(changeSet);
    const events = await followStack(ports, changeSet.stackId, before, ports.onEvent);
    const now = await present(stacks, changeSet.stackId);
    if (isSuccess(now.status)) return { result: 'deployed', stack: now };
    if (now.status === 'ROLLBACK_FAILED') await finishRollback(ports, now);
    throw deploymentError(now, isNew ? 'created' : 'updated', events);
  } finally {
    // Delete a change set that was not executed, and the empty stack that was created for it.
    if (!isStarted) {
      await noticeFailure(ports, `change set ${changeSet.id}`, () => stacks.discard(changeSet));
      if (stack === undefined)
        await noticeFailure(ports, `empty stack ${name}`, () => stacks.remove(changeSet.stackId));
    }
  }
}

/** Does not let a clean-up error hide the original one. */
async function noticeFailure(
  { notice }: DeployPorts,
  what: string,
  remove: () => Promise<void>,
): Promise<void> {
  try {
    await remove();
  } catch (error) {
    notice(`Cannot delete ${what}: ${messageOf(error)}`);
  }
}

/** Waits for an operation in progress, and deletes a stack that cannot be updated. */
async function readyToChange(
  ports: DeployPorts,
  name: string,
): Promise<{ stack: Stack | undefined } | 'declined'> {
  const { stacks } = ports;
  for (let stack = await stacks.find(name); ; stack = await stacks.find(name)) {
    const step = nextStep(stack);
    if (stack === undefined || step === 'create' || step === 'update') return { stack };
    if (step === 'stuck') throw stuckError(stack);
    if (step === 'wait') {
      await untilAtRest(ports, stack);
      continue;
    }
    if (!(await ports.agreeToClear(stack))) return 'declined';
    await clear(ports, stack);
  }
}

/** Deletes a stack whose first deployment failed. Load balancer and controller may have written to its buckets meanwhile. */
async function clear(ports: DeployPorts, stack: Stack): Promise<void> {
  for (const { type, physicalId } of await ports.stacks.resources(stack.id))
    if (type === 'AWS::S3::Bucket' && physicalId !== undefined)
      await ports.buckets.empty(physicalId, () => {}, ports.signal);
  await removeStack(ports, stack);
}

/** CloudFormation deletes no bucket with objects. */
async function finishRollback(ports: DeployPorts, stack: Stack): Promise<void> {
  ports.notice(`The rollback of ${stack.name} has failed. Emptying its buckets and deleting it.`);
  await noticeFailure(ports, `stack ${stack.name}`, () => clear(ports, stack));
}

/** SQS refuses the names of queues for this time after their deletion; the rest is for its clock. */
const QUEUE_NAME_REST_MS = 65_000;

async function untilNamesAreFree(ports: DeployPorts, name: string): Promise<void> {
  const { clock, signal, notice } = ports;
  const waitMs = await untilFreeMs(ports, name);
  if (waitMs <= 0) return;
  notice(`Waiting ${Math.ceil(waitMs / 1000)} s: SQS keeps the names of deleted queues for a minute.`);
  await clock.sleep(waitMs, signal);
}

/** By the events of deleted stacks: their DeletionTime may be the beginning of a deletion that takes minutes. */
async function untilFreeMs({ stacks, clock }: DeployPorts, name: string): Promise<number> {
  for (const id of await stacks.deleted(name)) {
    let waitMs: number | undefined;
    for await (const { status, atMs } of stacks.events(id)) {
      waitMs ??= atMs + QUEUE_NAME_REST_MS - clock.nowMs();
      if (waitMs <= 0) return 0;
      // A plan without consent leaves a stack that never had a queue.
      if (status === 'CREATE_IN_PROGRESS') return Math.min(waitMs, QUEUE_NAME_REST_MS);
    }
  }
  return 0;
}

/**
 * Deletes a stack and follows it.
 * @returns the events of the deletion.
 * @throws {ImgclsError} when a resource could not be deleted.
 */
export async function removeStack(
  ports: WatchPorts & Pick<DeployPorts, 'stacks' | 'onEvent'>,
  { id, name }: Pick<Stack, 'id' | 'name'>,
): Promise<StackEvent[]> {
  const { stacks } = ports;
  const before = await lastEvent(stacks, id);
  await stacks.remove(id);
  const events = await followStack(ports, id, before, ports.onEvent);
  const last = events.findLast(({ physicalId }) => physicalId === id)?.status ?? '';
  if (last !== 'DELETE_COMPLETE') throw deploymentError({ name, status: last }, 'deleted', events);
  return events;
}

/** @throws {ImgclsError} when the stack was deleted meanwhile. */
async function present(stacks: Pick<Stacks, 'find'>, nameOrId: string): Promise<Stack> {
  const stack = await stacks.find(nameOrId);
  if (stack !== undefined && stack.status !== 'DELETE_COMPLETE') return stack;
  throw new ImgclsError('permanent', `Stack ${stack?.name ?? nameOrId} was deleted during the deployment.`, {
    hint: 'Another command has deleted it. To create the cluster again, run the same command again.',
  });
}
