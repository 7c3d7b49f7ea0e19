/**
 * The decision: the named policy says what the work needs; limits and cost caps say how much of that is done.
 *
 *     snapshot -> hold if anything is unknown
 *              -> need (policy) -> limits (min, max, costs) -> launches (per tick)
 *                                                           -> retirements (idle ones, after a while)
 */
import { isUnknown } from '../../core/runtime/unknown.ts';
import { deadlineWarnings, needWithDeadlines } from '../deadlines/need.ts';
import { machinesAhead } from '../forecast/machines-ahead.ts';
import type { Machine, Snapshot } from '../snapshot.ts';
import { backlogPolicy } from './backlog.ts';
import { needWithinCaps } from './budget.ts';
import { constantsOf } from './constants.ts';
import { capOf } from './job-caps.ts';
import { noMachinesPolicy } from './none.ts';
import { isOverdue } from './overdue.ts';
import { perMessagePolicy } from './per-message.ts';
import type { Decision, History, Policy, PolicySettings } from './policy.ts';
import { chooseRetirements } from './retire.ts';
import { machinesOnStandby } from './standby.ts';
import { streamLoad } from './stream.ts';

export const policies: Readonly<Record<string, Policy>> = {
  backlog: backlogPolicy,
  'per-message': perMessagePolicy,
  none: noMachinesPolicy,
};

export function decide(
  snapshot: Snapshot,
  settings: PolicySettings,
  history: History,
  policy: Policy = policies[settings.policy] ?? backlogPolicy,
): Decision {
  const { backlog, machines, jobs, measured } = snapshot;
  const { arrivals, nextWorkInMs } = history;
  const constants = constantsOf(settings);
  if (isUnknown(machines)) return hold(0, `the fleet could not be read (${machines.unknown})`);
  const own = machines.filter(({ managed, phase }) => managed && phase !== 'stopped');
  const isLate = (machine: Machine) => isOverdue(machine, measured.bootMs, constants);
  const isServing = (machine: Machine) => machine.phase !== 'draining' && !isLate(machine);
  const present = own.filter(({ phase }) => phase !== 'draining');
  const serving = present.filter(isServing);
  if (isUnknown(backlog)) return hold(present.length, `the queues could not be read (${backlog.unknown})`);

  const load = Math.max(streamLoad(arrivals, constants), submissionLoad(snapshot));
  const { need, budget } = needWithinCaps({
    backlog,
    needFor: (work, workers = machines) => {
      const known = { measured, streamLoad: load, machines: workers, backlog: work };
      return policy === backlogPolicy
        ? needWithDeadlines(policy, known, settings, payable(jobs, settings))
        : policy(known, settings);
    },
    machines: own,
    settings,
    jobs,
    measured,
  });
  // Unmanaged workers do the same work, so they count first against the need and the limits.
  const unmanagedWorkers = machines.filter((machine) => !machine.managed && isServing(machine)).length;
  const needed = Math.max(0, need.machines - unmanagedWorkers);

  // Draining machines cost money until they end, so they count against the maximum.
  const room = Math.max(0, Math.min(settings.max - unmanagedWorkers, budget.machines) - own.length);
  const ahead = machinesAhead({ expected: history.expected, settings, measured, present: serving.length });
  const least = Math.max(settings.min, ahead) - unmanagedWorkers;
  // An explicit --idle-seconds overrides standby. A machine that stood by and was lost is replaced.
  const before = Math.max(serving.length, history.onStandby ?? 0);
  const onStandby =
    settings.idleMs === undefined
      ? machinesOnStandby({ arrivals, nextWorkInMs, measured, settings, present: before })
      : 0;
  const wanted = Math.max(least, needed, onStandby - unmanagedWorkers) - serving.length;
  const { launchLimit } = history;
  const allowed = Math.max(0, Math.min(wanted, room, settings.maxLaunchPerTick));
  const launch = Math.min(allowed, launchLimit?.launches ?? allowed);
  const { ids, reason } =
    launch > 0
      ? none
      : chooseRetirements({
          own,
          isLate,
          needed,
          isCaughtUp: need.isCaughtUp === true,
          expected: onStandby,
          budget,
          settings: { ...settings, min: least },
          history,
        });
  return {
    target: present.length + launch - count(ids, present),
    needed: Math.max(needed, ahead),
    onStandby,
    launch,
    retire: ids,
    reason: [
      need.reason,
      history.expected && `work is expected soon (${history.expected.rhythm})`,
      limitReached(wanted, allowed, settings, budget.limit),
      launch < allowed ? launchLimit?.why : undefined,
      reason,
    ]
      .filter((part) => part !== undefined)
      .join('; '),
    warnings: [
      ...new Set([
        ...budget.reached,
        ...(wanted > allowed ? budget.warnings : []),
        ...deadlineWarnings({
          backlog,
          machines: machines.filter((machine) => !isLate(machine)),
          measured,
          jobs,
          launches: launch,
        }),
      ]),
    ],
  };
}

/** Machines that are busy while a job is submitted: how much more it has is not known. */
function submissionLoad({ jobs, measured, throughputImagesPerSecond }: Snapshot): number {
  const isSubmitted = !isUnknown(jobs) && jobs.some(({ totalImages }) => totalImages === undefined);
  return isSubmitted ? throughputImagesPerSecond / measured.imagesPerSecond : 0;
}

/** Jobs that have not reached their cap. */
const payable = (jobs: Snapshot['jobs'], settings: PolicySettings): Snapshot['jobs'] =>
  isUnknown(jobs) ? jobs : jobs.filter((job) => job.costUsd < capOf(job, settings).usd);

const none = { ids: [] as readonly string[], reason: undefined };

function hold(target: number, why: string): Decision {
  return {
    target,
    needed: target,
    launch: 0,
    retire: [],
    reason: `no change: ${why}`,
    warnings: [],
  };
}

const count = (ids: readonly string[], machines: readonly Machine[]): number =>
  machines.filter(({ id }) => ids.includes(id)).length;

/** Why fewer machines are launched than are wanted; undefined if all are. */
function limitReached(
  wanted: number,
  launch: number,
  settings: PolicySettings,
  budgetLimit: string | undefined,
): string | undefined {
  if (wanted <= launch) return undefined;
  if (launch === settings.maxLaunchPerTick) return `at most ${launch} are launched per tick`;
  return budgetLimit ?? `--max allows ${settings.max}`;
}
