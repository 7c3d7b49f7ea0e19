// What a deployed cluster has cost in this month without its workers: its stack's resources with a price at rest.

import type { Stacks } from '../core/aws-account/stacks.ts';
import { monthOf, monthStartMs } from '../core/money/month.ts';
import { MONTH_HOURS } from '../core/money/prices.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { type IdleMonth, idleMonth } from './idle-month.ts';
import { readResources } from './template-resources.ts';

export interface StandingCost {
  month: IdleMonth;
  /** Since the month or the cluster began. */
  sinceMs: number;
  soFarUsd: number;
}

const HOUR_MS = 3_600_000;

/** @throws {ImgclsError} when there is no such stack; {Error} for a template with functions that are not evaluated here. */
export async function standingCost(
  stacks: Pick<Stacks, 'find' | 'template'>,
  name: string,
  nowMs: number,
): Promise<StandingCost> {
  const stack = await stacks.find(name);
  if (stack === undefined)
    throw new ImgclsError('permanent', `There is no stack ${name} in this account and region.`);
  const [, partition = '', , region = '', account = ''] = stack.id.split(':');
  const pseudo = { 'AWS::Partition': partition, 'AWS::Region': region, 'AWS::AccountId': account };
  const body = await stacks.template(stack.id);
  const month = idleMonth(await readResources(body, { ...pseudo, ...stack.parameters }));
  const sinceMs = Math.max(monthStartMs(monthOf(nowMs)), stack.createdAtMs ?? 0);
  return { month, sinceMs, soFarUsd: (month.usd * (nowMs - sinceMs)) / HOUR_MS / MONTH_HOURS };
}
