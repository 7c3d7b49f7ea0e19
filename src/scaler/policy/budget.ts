/** How many machines the cost caps allow. A launch commits money at once, so boots in progress count. */
import { dollars } from '../../core/money/money.ts';
import { isUnknown, type OrUnknown } from '../../core/runtime/unknown.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import type { Machine, Measured, UnfinishedJob } from '../snapshot.ts';
import type { PolicySettings } from './policy.ts';

export interface LaunchBudget {
  /** In total. */
  machines: number;
  /** The cap behind that number, in words. */
  limit: string | undefined;
  /** The jobs' budget is used up, so running machines are retired too. */
  isSpent: boolean;
  warnings: readonly string[];
}

const HOUR_MS = 3_600_000;

export interface BudgetInput {
  /** Those that cost money now. */
  machines: readonly Machine[];
  serving: number;
  settings: PolicySettings;
  jobs: OrUnknown<readonly UnfinishedJob[]>;
  measured: Measured;
}

export function affordableMachines(input: BudgetInput): LaunchBudget {
  const { settings } = input;
  const unlimited: LaunchBudget = {
    machines: Number.POSITIVE_INFINITY,
    limit: undefined,
    isSpent: false,
    warnings: [],
  };
  const { maxHourlyCostUsd, maxJobCostUsd, hourlyUsd } = settings;
  if (maxHourlyCostUsd === undefined && maxJobCostUsd === undefined) return unlimited;
  if (hourlyUsd === undefined) {
    const limit = 'a cost cap is set and the price of a machine is unknown (set pricePerHour)';
    return { machines: 0, limit, isSpent: false, warnings: [`No machine is launched: ${limit}.`] };
  }
  const caps = [
    ...(maxHourlyCostUsd === undefined ? [] : [hourlyCap(maxHourlyCostUsd, hourlyUsd)]),
    ...(maxJobCostUsd === undefined ? [] : [jobCap(maxJobCostUsd, hourlyUsd, input)]),
  ];
  return caps.reduce((least, cap) => (cap.machines < least.machines ? cap : least), unlimited);
}

function hourlyCap(capUsd: number, hourlyUsd: number): LaunchBudget {
  const machines = hourlyUsd === 0 ? Number.POSITIVE_INFINITY : Math.floor(capUsd / hourlyUsd);
  const limit = `--max-hourly-cost ${dollars(capUsd)} allows ${pluralize(machines, 'machine')} at ${dollars(hourlyUsd)} an hour`;
  return { machines, limit, isSpent: false, warnings: [`The cost cap is reached: ${limit}.`] };
}

/** The money left to unfinished jobs pays for boots in progress first, then for the boot and minimum of each new machine. */
function jobCap(
  capUsd: number,
  hourlyUsd: number,
  { serving, machines, settings, ...input }: BudgetInput,
): LaunchBudget {
  const { jobs, measured } = input;
  if (isUnknown(jobs)) {
    const limit = `the jobs could not be read, so their cost is unknown (${jobs.unknown})`;
    return { machines: serving, limit, isSpent: false, warnings: [`No machine is launched: ${limit}.`] };
  }
  const leftUsd = jobs.reduce((sum, { costUsd }) => sum + Math.max(0, capUsd - costUsd), 0);
  const isSpent = jobs.length > 0 && leftUsd === 0;
  const launchUsd = (hourlyUsd * Math.max(settings.billingMinimumMs, measured.bootMs)) / HOUR_MS;
  const pendingMs = machines
    .filter(({ phase }) => phase === 'booting')
    .reduce(
      (sum, { ageMs }) => sum + Math.max(0, Math.max(settings.billingMinimumMs, measured.bootMs) - ageMs),
      0,
    );
  const freeUsd = Math.max(0, leftUsd - (hourlyUsd * pendingMs) / HOUR_MS);
  const more = launchUsd === 0 ? Number.POSITIVE_INFINITY : Math.floor(freeUsd / launchUsd);
  const limit = isSpent
    ? `every unfinished job has reached --max-job-cost ${dollars(capUsd)}`
    : `--max-job-cost ${dollars(capUsd)} leaves ${dollars(leftUsd)} to spend`;
  const warning = isSpent
    ? `The cost cap is reached: ${limit}. The work waits. Raise the cap to continue.`
    : `The cost cap is near: ${limit}.`;
  return { machines: isSpent ? 0 : serving + more, limit, isSpent, warnings: [warning] };
}
