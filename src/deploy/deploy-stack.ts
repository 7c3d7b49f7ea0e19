/** One deployment: plan, ask, execute, follow. */

import type {
  ParameterChoice,
  ResourceChange,
  Stack,
  StackEvent,
  Stacks,
  Template,
} from '../core/aws-account/stacks.ts';
import { messageOf } from '../core/runtime/errors.ts';
import { deploymentError } from './diagnosis.ts';
import { followStack, lastEvent, untilAtRest, untilPlanned, type WatchPorts } from './follow.ts';
import { isReviewInProgress, isSuccess, nextStep, stuckError } from './stack-state.ts';

export interface DeployPorts extends WatchPorts {
  stacks: Stacks;
  /** A name for a change set. */
  newName(): string;
  notice(text: string): void;
  /** Whether the remains of a first deployment that failed may be removed. */
  agreeToClear(stack: Stack): Promise<boolean>;
  /** Shows the changes. @returns whether they may be made. */
  agree(changes: readonly ResourceChange[]): Promise<boolean>;
  onEvent(event: StackEvent): void;
}

export interface Deployment {
  name: string;
  template: Template;
  capabilities: readonly string[];
  /** Given the stack as it stands, ready to be changed. */
  parameters(stack: Stack | undefined): Promise<Readonly<Record<string, ParameterChoice>>>;
}

export type DeployResult = { result: 'deployed' | 'unchanged'; stack: Stack } | { result: 'declined' };

/** @throws {ImgclsError} that says which resource failed first, why, and what to do. */
export async function deployStack(ports: DeployPorts, deployment: Deployment): Promise<DeployResult> {
  const { stacks } = ports;
  const { name, template, capabilities } = deployment;
  const ready = await readyToChange(ports, name);
  if (ready === 'declined') return { result: 'declined' };
  const { stack } = ready;
  const isNew = stack === undefined || isReviewInProgress(stack);
  const changeSet = await stacks.propose({
    stack: name,
    kind: isNew ? 'CREATE' : 'UPDATE',
    name: ports.newName(),
    template,
    capabilities,
    parameters: await deployment.parameters(isNew ? undefined : stack),
  });
  if (changeSet === undefined) return { result: 'unchanged', stack: await present(stacks, name) };

  let isStarted = false;
  try {
    const { state, changes } = await untilPlanned(ports, changeSet);
    if (state === 'empty' && !isNew) return { result: 'unchanged', stack: await present(stacks, name) };
    if (!(await ports.agree(changes))) return { result: 'declined' };
    const before = await lastEvent(stacks, changeSet.stackId);
    // From here on it may be under way, whatever comes back.
    isStarted = true;
    await stacks.execute(changeSet);
    const events = await followStack(ports, changeSet.stackId, before, ports.onEvent);
    const now = await present(stacks, changeSet.stackId);
    if (!isSuccess(now.status)) throw deploymentError(now, isNew ? 'created' : 'updated', events);
    return { result: 'deployed', stack: now };
  } finally {
    // A change set that is not carried out leaves no trace, and a stack that was only planned none either.
    if (!isStarted) {
      await noticeFailure(ports, `change set ${changeSet.id}`, () => stacks.discard(changeSet));
      if (stack === undefined)
        await noticeFailure(ports, `the empty stack ${name}`, () => stacks.remove(changeSet.stackId));
    }
  }
}

/** What came before says more than what keeps its traces from going. */
async function noticeFailure(
  { notice }: DeployPorts,
  left: string,
  remove: () => Promise<void>,
): Promise<void> {
  try {
    await remove();
  } catch (error) {
    notice(`${left} is left behind: ${messageOf(error)}`);
  }
}

/** Waits for what is under way, and removes what cannot be updated. */
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
      ports.notice(`stack ${name} is ${stack.status}: waiting until that has ended.`);
      await untilAtRest(ports, stack.id);
      continue;
    }
    if (!(await ports.agreeToClear(stack))) return 'declined';
    await removeStack(ports, stack);
  }
}

/**
 * Deletes a stack and follows it.
 * @returns the events of the deletion.
 * @throws {ImgclsError} where something of it could not be deleted.
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

/** @throws {ImgclsError} where it is gone: somebody else has deleted it meanwhile. */
async function present(stacks: Pick<Stacks, 'find'>, nameOrId: string): Promise<Stack> {
  const stack = await stacks.find(nameOrId);
  if (stack !== undefined && stack.status !== 'DELETE_COMPLETE') return stack;
  throw deploymentError({ name: nameOrId, status: 'DELETE_COMPLETE' }, 'deployed', []);
}
