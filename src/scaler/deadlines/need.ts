/** What the work needs if some jobs have a deadline: those get the machines that meet it, and the named policy decides on the rest. Pure. */
import { isUnknown } from '../../core/runtime/unknown.ts';
import { duration } from '../../core/text/duration.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import { constantsOf } from '../policy/constants.ts';
import { isOverdue } from '../policy/overdue.ts';
import type { KnownSnapshot, Need, Policy, PolicySettings } from '../policy/policy.ts';
import type { Backlog, Machine, Snapshot } from '../snapshot.ts';
import { type DeadlinePlan, doneInMs, dueJobs, type PlannedFleet, planFor, workersOf } from './plan.ts';

export function needWithDeadlines(
  policy: Policy,
  snapshot: KnownSnapshot,
  settings: PolicySettings,
  jobs: Snapshot['jobs'],
): Need {
  const due = isUnknown(jobs) ? [] : dueJobs(jobs, snapshot.backlog);
  const constants = constantsOf(settings);
  const isLate = (machine: Machine) => isOverdue(machine, snapshot.measured.bootMs, constants);
  const machines = snapshot.machines.filter((machine) => !isLate(machine));
  const plan = planFor(due, { ...snapshot, machines });
  if (plan.jobs.length === 0 || snapshot.backlog.images === 0) return policy(snapshot, settings);
  const { backlog } = snapshot;
  const planned = plan.jobs.reduce((sum, { images }) => sum + images, 0);
  const launches = Math.min(plan.launches, backlog.waiting + backlog.delayed);
  const own = { machines: plan.keep + launches, reason: whyPlanned(plan, snapshot, planned) };
  if (backlog.images <= planned) return own;
  const rest = policy(
    {
      ...snapshot,
      backlog: partOf(backlog, 1 - planned / backlog.images),
      machines: workersOf(machines).slice(plan.keep),
    },
    settings,
  );
  return { machines: own.machines + rest.machines, reason: `${own.reason}; ${rest.reason}` };
}

function partOf({ waiting, inFlight, delayed, images }: Backlog, share: number): Backlog {
  return {
    waiting: Math.ceil(waiting * share),
    inFlight: Math.ceil(inFlight * share),
    delayed: Math.ceil(delayed * share),
    images: Math.max(1, Math.round(images * share)),
  };
}

function whyPlanned(
  { jobs, keep, launches }: DeadlinePlan,
  { measured }: KnownSnapshot,
  planned: number,
): string {
  const rate = Number(measured.imagesPerSecond.toPrecision(2));
  const until = duration(jobs.at(-1)?.dueInMs ?? 0);
  const workers = pluralize(keep + launches, 'worker');
  return `${pluralize(Math.round(planned), 'image')} with deadlines within ${until} need ${workers} at ${rate} images/s each`;
}

export interface DeadlineCheck extends PlannedFleet {
  backlog: Backlog;
  jobs: Snapshot['jobs'];
}

/** A warning for each job that will miss its deadline with these machines. */
export function deadlineWarnings({ backlog, jobs, ...fleet }: DeadlineCheck): string[] {
  if (isUnknown(jobs)) return [];
  return doneInMs(dueJobs(jobs, backlog), fleet).flatMap(({ job, doneInMs: doneMs }) => {
    if (job.dueInMs <= 0) return [`Job ${job.id} has missed its deadline ${duration(-job.dueInMs)} ago.`];
    if (doneMs <= job.dueInMs) return [];
    const late =
      doneMs === Number.POSITIVE_INFINITY
        ? 'no worker may be launched for it'
        : `it will be done about ${duration(doneMs - job.dueInMs)} late`;
    return [`Job ${job.id} will miss its deadline in ${duration(job.dueInMs)}: ${late}.`];
  });
}
