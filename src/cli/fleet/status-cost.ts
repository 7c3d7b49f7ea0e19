// `imgcls status --cost`: what a cluster has cost in this month so far.

import { openStacks } from '../../app/open-aws-account.ts';
import type { Cloud } from '../../core/cloud/ports.ts';
import { findObject } from '../../core/cloud/read-object.ts';
import { controllerReport } from '../../core/fleet/fleet.ts';
import { CONTROLLER_REPORT_KEY } from '../../core/job/keys.ts';
import { dollars } from '../../core/money/money.ts';
import { monthOf, monthStartMs } from '../../core/money/month.ts';
import { oldPricesWarning } from '../../core/money/prices.ts';
import { ImgclsError, messageAndHint, messageOf } from '../../core/runtime/errors.ts';
import { isUnknown, type OrUnknown } from '../../core/runtime/unknown.ts';
import { parseVersioned } from '../../core/runtime/versioned.ts';
import { type StandingCost, standingCost } from '../../deploy/standing-cost.ts';
import { stackNameOf } from '../aws/stack-name.ts';

/** Of workers, as the controller counts them. */
interface MachineCost {
  usd: number;
  /** Some time of the month was not counted, or a machine had no known price. */
  isLowerBound: boolean;
  /** Why it may be wrong. Absent if the list of prices is recent or not used. */
  oldPrices?: string;
}

export interface MonthCost {
  v: 1;
  month: string;
  machines: OrUnknown<MachineCost>;
  /** Absent on one machine. */
  standing?: OrUnknown<StandingCost>;
}

export async function readMonthCost(cloud: Cloud, nowMs: number, signal: AbortSignal): Promise<MonthCost> {
  const month = monthOf(nowMs);
  const machines = await known(() => readMachineCost(cloud, nowMs, signal));
  if (cloud.kind === 'local') return { v: 1, month, machines };
  return { v: 1, month, machines, standing: await known(() => ofStack(cloud.cluster, nowMs)) };
}

export async function readMachineCost(
  cloud: Cloud,
  nowMs: number,
  signal: AbortSignal,
): Promise<MachineCost> {
  const parse = (text: string) => parseVersioned(controllerReport, text, 'controller report');
  const { value: report } = (await findObject(cloud.output, CONTROLLER_REPORT_KEY, parse, { signal })) ?? {};
  const cost = report?.cost;
  if (cost === undefined) throw new ImgclsError('permanent', 'no controller has counted machines yet');
  const { month: last, unknownSinceMs } = cost;
  const { usd, isLowerBound = false } = last?.name === monthOf(nowMs) ? last : { usd: 0 };
  // A controller of an older version did not count by month.
  const isUncounted = last === undefined && cost.totalUsd > 0;
  const hasListPrices = cloud.kind === 'aws' && report?.settings?.pricePerHour === undefined;
  const oldPrices = hasListPrices ? oldPricesWarning(nowMs) : undefined;
  return {
    usd,
    isLowerBound: isLowerBound || isUncounted || unknownSinceMs !== undefined,
    ...(oldPrices !== undefined && { oldPrices }),
  };
}

async function ofStack(cluster: string, nowMs: number): Promise<StandingCost> {
  const stacks = openStacks();
  try {
    return await standingCost(stacks, stackNameOf(cluster), nowMs);
  } finally {
    stacks.end();
  }
}

export function monthCostText({ month, machines, standing }: MonthCost): string {
  const rows = [`month        ${month}, so far (UTC)`];
  rows.push(...machineRows(machines));
  if (standing !== undefined) rows.push(...standingRows(standing, month));
  rows.push('not counted  requests, storage, logs, traffic: see the bill of AWS');
  return `${rows.join('\n')}\n`;
}

function machineRows(machines: OrUnknown<MachineCost>): string[] {
  if (isUnknown(machines)) return [`workers      unknown: ${machines.unknown}`];
  const { usd, isLowerBound, oldPrices } = machines;
  return [
    `workers      ${isLowerBound ? 'at least ' : ''}${dollars(usd)}`,
    ...(oldPrices === undefined ? [] : [`             warning: ${oldPrices}`]),
  ];
}

function standingRows(standing: OrUnknown<StandingCost>, month: string): string[] {
  if (isUnknown(standing)) return [`at rest      unknown: ${standing.unknown}`];
  const { month: whole, soFarUsd, sinceMs } = standing;
  const since = sinceMs > monthStartMs(month) ? `, since ${new Date(sinceMs).toISOString()}` : '';
  return [
    `at rest      ${dollars(soFarUsd)} of ${dollars(whole.usd)} a month${since}`,
    ...whole.items.map(({ item, usd }) => `  ${dollars(usd).padStart(8)} a month  ${item}`),
    ...whole.unpriced.map((item) => `   unknown          ${item}`),
  ];
}

async function known<T>(read: () => Promise<T>): Promise<OrUnknown<T>> {
  try {
    return await read();
  } catch (error) {
    return { unknown: error instanceof ImgclsError ? messageAndHint(error) : messageOf(error) };
  }
}
