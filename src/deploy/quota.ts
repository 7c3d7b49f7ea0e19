// How many workers the account may run at once. A new account has a quota of 5 vCPUs.

import { type Quotas, VCPU_QUOTAS } from '../core/aws-account/account.ts';
import type { Ec2 } from '../core/aws-account/ec2.ts';
import { isStandardType } from '../core/aws-account/standard-types.ts';
import { messageOf } from '../core/runtime/errors.ts';

export interface QuotaQuestion {
  type: string;
  max: number;
  region: string;
  market: 'on-demand' | 'spot';
}

/** What to tell the user about the quota; undefined if it suffices. */
export async function quotaText(
  { ec2, quotas }: { ec2: Pick<Ec2, 'types'>; quotas: Quotas },
  { type, max, region, market }: QuotaQuestion,
): Promise<string | undefined> {
  if (!isStandardType(type)) return undefined;
  const [{ vCpus } = {}] = await ec2.types([type]);
  if (vCpus === undefined) return undefined;
  const quota = await quotas.standardVcpus(market).catch(messageOf);
  if (typeof quota === 'string') return `The quota of vCPUs is unknown: ${quota}`;
  const workers = Math.floor(quota / vCpus);
  if (workers >= max) return undefined;
  return (
    `The account may run ${quota} vCPUs of ${market} instances at once: ${workers} of ${max} workers (--max) of ${type}. Request more: ` +
    `aws service-quotas request-service-quota-increase --region ${region} --service-code ec2 --quota-code ${VCPU_QUOTAS[market]} --desired-value ${max * vCpus}`
  );
}
