// Polls CloudFormation until an operation ends.

import type { ChangeSetRef, ChangeSetView, Stack, StackEvent, Stacks } from '../core/aws-account/stacks.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { isInProgress } from './stack-state.ts';

const EVERY_MS = 2000;

export interface WatchPorts {
  stacks: Pick<Stacks, 'find' | 'events' | 'proposal'>;
  clock: Pick<Clock, 'sleep'>;
  /** Stops polling; the operation continues. */
  signal: AbortSignal;
}

/** The last event before a deployment. */
export async function lastEvent(stacks: Pick<Stacks, 'events'>, id: string): Promise<string | undefined> {
  for await (const event of stacks.events(id)) return event.id;
  return undefined;
}

/**
 * Follows a deployment by its events until it ends. The stack's status is not enough: it may still be the previous one.
 * @param after the last event before the deployment; undefined if there was none.
 * @returns the deployment's events, oldest first.
 */
export async function followStack(
  { stacks, clock, signal }: WatchPorts,
  id: string,
  after: string | undefined,
  onEvent: (event: StackEvent) => void,
): Promise<StackEvent[]> {
  const seen: StackEvent[] = [];
  for (;;) {
    signal.throwIfAborted();
    const fresh = await eventsSince(stacks, id, seen.at(-1)?.id ?? after);
    for (const event of fresh) onEvent(event);
    seen.push(...fresh);
    if (fresh.some((event) => event.physicalId === id && !isInProgress(event.status))) return seen;
    await clock.sleep(EVERY_MS, signal);
  }
}

async function eventsSince(
  stacks: Pick<Stacks, 'events'>,
  id: string,
  last: string | undefined,
): Promise<StackEvent[]> {
  const fresh: StackEvent[] = [];
  for await (const event of stacks.events(id)) {
    if (event.id === last) break;
    fresh.unshift(event);
  }
  return fresh;
}

/** Waits until no operation is in progress, and says so. @returns undefined when the stack is deleted. */
export async function untilAtRest(
  { stacks, clock, signal, notice }: WatchPorts & { notice(text: string): void },
  { id, name, status }: Stack,
): Promise<Stack | undefined> {
  if (isInProgress(status)) notice(`Stack ${name} is ${status}. Waiting for it to finish.`);
  for (;;) {
    signal.throwIfAborted();
    const stack = await stacks.find(id);
    if (stack === undefined || !isInProgress(stack.status))
      return stack?.status === 'DELETE_COMPLETE' ? undefined : stack;
    await clock.sleep(EVERY_MS, signal);
  }
}

/** Waits until CloudFormation has planned the change set. @throws {ImgclsError} when planning fails. */
export async function untilPlanned(
  { stacks, clock, signal }: WatchPorts,
  changeSet: ChangeSetRef,
): Promise<ChangeSetView> {
  for (;;) {
    signal.throwIfAborted();
    const view = await stacks.proposal(changeSet);
    if (view.state === 'failed')
      throw new ImgclsError(
        'permanent',
        `Cannot plan the changes: ${view.reason ?? 'CloudFormation gave no reason'}`,
        {
          hint: 'Nothing was changed. Check the flags and the template.',
        },
      );
    if (view.state !== 'pending') return view;
    await clock.sleep(EVERY_MS / 2, signal);
  }
}
