/** Watches CloudFormation at work. */

import type { ChangeSetRef, ChangeSetView, Stack, StackEvent, Stacks } from '../core/aws-account/stacks.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { isUnderWay } from './stack-state.ts';

const EVERY_MS = 2000;

export interface WatchPorts {
  stacks: Pick<Stacks, 'find' | 'events' | 'proposal'>;
  clock: Pick<Clock, 'sleep'>;
  /** Ends the watching; what is under way goes on. */
  signal: AbortSignal;
}

/** The event after which a deployment's own begin. */
export async function lastEvent(stacks: Pick<Stacks, 'events'>, id: string): Promise<string | undefined> {
  for await (const event of stacks.events(id)) return event.id;
  return undefined;
}

/**
 * Follows one deployment by its events until the stack is at rest: its status alone may still be the one from before.
 * @param after the last event before the deployment; undefined where there was none.
 * @param tell is told of each event as it comes.
 * @returns the deployment's events, oldest first.
 */
export async function followStack(
  { stacks, clock, signal }: WatchPorts,
  id: string,
  after: string | undefined,
  tell: (event: StackEvent) => void,
): Promise<StackEvent[]> {
  const seen: StackEvent[] = [];
  for (;;) {
    signal.throwIfAborted();
    const fresh = await eventsSince(stacks, id, seen.at(-1)?.id ?? after);
    for (const event of fresh) tell(event);
    seen.push(...fresh);
    if (fresh.some((event) => event.physicalId === id && !isUnderWay(event.status))) return seen;
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

/** The stack when nothing is under way on it any more; undefined when it is gone. */
export async function untilAtRest(
  { stacks, clock, signal }: WatchPorts,
  id: string,
): Promise<Stack | undefined> {
  for (;;) {
    signal.throwIfAborted();
    const stack = await stacks.find(id);
    if (stack === undefined || !isUnderWay(stack.status))
      return stack?.status === 'DELETE_COMPLETE' ? undefined : stack;
    await clock.sleep(EVERY_MS, signal);
  }
}

/** The change set when CloudFormation has worked it out. @throws {ImgclsError} where it cannot be. */
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
        `The changes could not be planned: ${view.reason ?? 'no reason is given'}`,
        {
          hint: 'Check the flags and the template; nothing was changed.',
        },
      );
    if (view.state !== 'pending') return view;
    await clock.sleep(EVERY_MS / 2, signal);
  }
}
