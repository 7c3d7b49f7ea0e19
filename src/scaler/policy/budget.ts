/** How many machines the cost caps allow. A launch commits money at once, so boots in progress count. */
import { dollars } from '../../core/money/money.ts';
import { isUnknown, type OrUnknown } from '../../core/runtime/unknown.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import type { Backlog, Machine, Measured, UnfinishedJob } from '../snapshot.ts';
import { type CapInput, capOf, cappedWarning, machinesWithin, openBacklog, splitByCap } from './job-caps.ts';
import type { Need, PolicySettings } from './policy.ts';

export interface LaunchBudget {
  /** In total. */
  machines: number;
  /** The cap behind that number, in words. */
  limit: string | undefined;
  /** Machines above this number are retired, even if they are busy. */
  keep: number;
  /** Caps that are reached, whatever is launched. */
  reached: readonly string[];
  /** Why fewer machines are launched than are needed. */
  warnings: readonly string[];
}

export interface BudgetInput {
  backlog: Backlog;
  /** How many machines a backlog needs, of these that there are (default: all). */
  needFor(backlog: Backlog, present?: readonly Machine[]): Need;
  /** Those that cost money now. */
  machines: readonly Machine[];
  settings: PolicySettings;
  jobs: OrUnknown<readonly UnfinishedJob[]>;
  measured: Measured;
}

/** What the work needs, and how much of that the caps allow. */
export interface CappedNeed {
  need: Need;
  budget: LaunchBudget;
}

const unlimited: LaunchBudget = {
  machines: Number.POSITIVE_INFINITY,
  limit: undefined,
  keep: Number.POSITIVE_INFINITY,
  reached: [],
  warnings: [],
};

export function needWithinCaps(input: BudgetInput): CappedNeed {
  const { settings, backlog } = input;
  const { maxHourlyCostUsd, maxJobCostUsd, hourlyUsd } = settings;
  const need = input.needFor(backlog);
  const jobs = isUnknown(input.jobs) ? [] : input.jobs;
  const haveOwnCap = jobs.some(({ maxCostUsd }) => maxCostUsd !== undefined);
  const areJobsCapped = maxJobCostUsd !== undefined || haveOwnCap;
  const isClusterCapped = maxHourlyCostUsd !== undefined || maxJobCostUsd !== undefined;
  if (!isClusterCapped && !haveOwnCap) return { need, budget: unlimited };
  if (!isClusterCapped && hourlyUsd === undefined) return withoutPrice(input, jobs);
  if (hourlyUsd === undefined) {
    const limit = 'a cost cap is set and the price of a machine is unknown (set pricePerHour)';
    return { need, budget: { ...unlimited, machines: 0, limit, warnings: [noLaunch(limit)] } };
  }
  const ofJobs = areJobsCapped ? capJobs(input, hourlyUsd) : { need, budget: unlimited };
  if (maxHourlyCostUsd === undefined) return ofJobs;
  const hourly = hourlyCap(maxHourlyCostUsd, hourlyUsd, input.machines.length);
  return { need: ofJobs.need, budget: stricter(ofJobs.budget, hourly) };
}

const noLaunch = (why: string): string => `No machine is launched: ${why}.`;

function stricter(a: LaunchBudget, b: LaunchBudget): LaunchBudget {
  const { machines, limit, warnings } = b.machines < a.machines ? b : a;
  return { machines, limit, warnings, keep: Math.min(a.keep, b.keep), reached: [...a.reached, ...b.reached] };
}

/** Prices such as 0.1 have no exact binary form: 0.3 / 0.1 is a little less than 3. */
const ROUNDING = 1e-9;

function hourlyCap(capUsd: number, hourlyUsd: number, present: number): LaunchBudget {
  const machines = hourlyUsd === 0 ? Number.POSITIVE_INFINITY : Math.floor(capUsd / hourlyUsd + ROUNDING);
  const limit = `--max-hourly-cost ${dollars(capUsd)} allows ${pluralize(machines, 'machine')} at ${dollars(hourlyUsd)} an hour`;
  const warning = `The cost cap is reached: ${limit}.`;
  return {
    machines,
    limit,
    keep: machines,
    reached: present > machines ? [warning] : [],
    warnings: [warning],
  };
}

/** Names of different caps in a reason. */
const NAMED_CAPS = 3;

function namesOfCaps(jobs: readonly UnfinishedJob[], settings: PolicySettings): string {
  const caps = jobs.map((job) => capOf(job, settings)).filter(({ usd }) => usd < Number.POSITIVE_INFINITY);
  return [...new Set(caps.map(({ name }) => name))].slice(0, NAMED_CAPS).join(' or ');
}

/** Without a price, jobs with a cap of their own get no machine. They must not stop the others. */
function withoutPrice(input: BudgetInput, jobs: readonly UnfinishedJob[]): CappedNeed {
  const capped = jobs.filter(({ maxCostUsd }) => maxCostUsd !== undefined);
  const open = jobs.filter((job) => !capped.includes(job));
  const reached = capped.map(
    ({ id }) =>
      `No machine is launched for job ${id}: it has --max-cost, and the price of a machine is unknown (set pricePerHour).`,
  );
  const need =
    open.length === 0
      ? { machines: 0, reason: 'the price of a machine is unknown, and every unfinished job has --max-cost' }
      : input.needFor(openBacklog(input.backlog, { open, capped }));
  return { need, budget: { ...unlimited, reached } };
}

function capJobs(input: BudgetInput, hourlyUsd: number): CappedNeed {
  const { jobs, backlog, machines, settings, measured } = input;
  if (isUnknown(jobs)) {
    const limit = `the jobs could not be read, so their cost is unknown (${jobs.unknown})`;
    const budget = { ...unlimited, machines: machines.length, limit, warnings: [noLaunch(limit)] };
    return { need: input.needFor(backlog), budget };
  }
  // Single images that a client waits for belong to no job.
  if (jobs.length === 0) return { need: input.needFor(backlog), budget: unlimited };
  const cap: CapInput = { settings, hourlyUsd, measured, machines };
  const split = splitByCap(jobs, cap);
  const reached = split.capped.map((job) => cappedWarning(job, settings));
  const limit = namesOfCaps(jobs, settings);
  if (split.open.length === 0) {
    const need = { machines: 0, reason: `every unfinished job has reached ${limit}` };
    return { need, budget: { ...unlimited, machines: 0, limit, keep: 0, reached } };
  }
  const work = openBacklog(backlog, split);
  const need = input.needFor(work);
  const affordable = machinesWithin(split.open, { images: work.images, needed: need.machines }, cap);
  // Machines of capped jobs are retired, as if the open jobs had launched their own. More are not launched then.
  const keep =
    split.capped.length === 0 ? Number.POSITIVE_INFINITY : Math.max(1, input.needFor(work, []).machines);
  return {
    need,
    budget: {
      machines: Math.min(keep, Math.max(machines.length, affordable.machines)),
      limit: `${limit} pays for ${pluralize(affordable.machines, 'machine')}`,
      keep,
      reached,
      warnings: affordable.warnings,
    },
  };
}
