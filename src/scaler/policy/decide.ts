/**
 * The decision: the named policy says what the work needs; limits, money and manners say what is done about it.
 *
 *     snapshot -> hold where anything is unknown
 *              -> need (policy) -> limits (min, max, costs) -> launches (per tick)
 *                                                           -> retirements (idle ones, after a while)
 */
import { isUnknown, type Machine, type Snapshot } from '../snapshot.ts';
import { backlogPolicy } from './backlog.ts';
import { affordableMachines } from './budget.ts';
import { perMessagePolicy } from './per-message.ts';
import type { Decision, History, Policy, PolicySettings, Sight } from './policy.ts';
import { chooseRetirements } from './retire.ts';
import { isWorkExpected } from './standby.ts';

export const policies: Readonly<Record<string, Policy>> = {
  backlog: backlogPolicy,
  'per-message': perMessagePolicy,
};

export function decide(
  snapshot: Snapshot,
  settings: PolicySettings,
  history: History,
  policy: Policy = policies[settings.policy] ?? backlogPolicy,
): Decision {
  const { backlog, machines, jobs, measured, throughputImagesPerSecond } = snapshot;
  if (isUnknown(machines)) return hold(0, `the fleet is unknown (${machines.unknown})`);
  const own = machines.filter(({ managed, phase }) => managed && phase !== 'stopped');
  const serving = own.filter(({ phase }) => phase !== 'draining');
  if (isUnknown(backlog)) return hold(serving.length, `the backlog is unknown (${backlog.unknown})`);

  const sight: Sight = { backlog, machines, measured, throughputImagesPerSecond };
  const need = policy(sight, settings);
  // Workers that people have started do the fleet's work: they fill the need and the limits first.
  const guests = machines.filter(({ managed, phase }) => !managed && phase !== 'draining').length;
  const needed = Math.max(0, need.machines - guests);
  const budget = affordableMachines({ serving: own.length, settings, jobs, measured, machines: own });

  // Draining ones cost money until they are gone, so that they count against the most that there may be.
  const room = Math.max(0, Math.min(settings.max - guests, budget.machines) - own.length);
  const least = settings.min - guests;
  const wanted = Math.max(least, needed) - serving.length;
  const launch = Math.max(0, Math.min(wanted, room, settings.maxLaunchPerTick));
  // Who says how long idle machines stay means it.
  const expected = settings.idleMs === undefined && isWorkExpected(history, measured) ? 1 : 0;
  const { ids, reason } =
    launch > 0
      ? none
      : chooseRetirements({ own, needed, expected, budget, settings: { ...settings, min: least }, history });
  return {
    target: serving.length + launch - countServing(ids, serving),
    needed,
    launch,
    retire: ids,
    reason: [need.reason, limitReached(wanted, launch, settings, budget.limit), reason]
      .filter((part) => part !== undefined)
      .join('; '),
    warnings: wanted > launch || budget.isSpent ? budget.warnings : [],
  };
}

const none = { ids: [] as readonly string[], reason: undefined };

function hold(target: number, why: string): Decision {
  return {
    target,
    needed: target,
    launch: 0,
    retire: [],
    reason: `holding what is there: ${why}`,
    warnings: [],
  };
}

const countServing = (ids: readonly string[], serving: readonly Machine[]): number =>
  serving.filter(({ id }) => ids.includes(id)).length;

/** Why fewer are launched than are wanted. */
function limitReached(
  wanted: number,
  launch: number,
  settings: PolicySettings,
  budgetLimit: string | undefined,
): string | undefined {
  if (wanted <= launch) return undefined;
  if (launch === settings.maxLaunchPerTick) return `at most ${launch} are launched at a time`;
  return budgetLimit ?? `--max allows ${settings.max}`;
}
