// Checks whether the account may run the largest fleet.

import { type Quotas, VCPU_QUOTAS } from '../core/aws-account/account.ts';
import type { Market } from '../core/aws-account/ec2.ts';
import { isStandardType } from '../core/aws-account/standard-types.ts';
import { messageOf } from '../core/runtime/errors.ts';
import { pluralize } from '../core/text/pluralize.ts';
import { actionNeeded, type CheckResult, ok, unknown } from './check.ts';
import { type Ec2FleetParts, unlessControlled } from './fleet.ts';

/** The workers that are launched in a market, and those that it allows. */
interface Limit {
  market: Market;
  needed: number;
  allowed: number;
  text: string;
}

/** Checks the account's vCPU quotas of the markets in which the fleet launches. */
export const checkQuota = (parts: Omit<Ec2FleetParts, 'pools'>): Promise<CheckResult> =>
  unlessControlled(parts, async () => {
    const vCpus = await vCpusOfWorker(parts);
    if (typeof vCpus === 'string') return unknown(vCpus);
    const { max, onDemandPercentage, quotas } = parts;
    const onDemand = Math.ceil((max * onDemandPercentage) / 100);
    const workers: [Market, number][] = [
      ['spot', max - onDemand],
      ['on-demand', onDemand],
    ];
    const launched = workers.filter(([, count]) => count > 0);
    try {
      return judge(
        await Promise.all(launched.map(([market, count]) => limitOf(quotas, market, count, vCpus))),
      );
    } catch (error) {
      return unknown(messageOf(error));
    }
  });

/** Of the largest type; or why it is not known. */
async function vCpusOfWorker({
  ec2,
  template,
  instanceTypes,
}: Omit<Ec2FleetParts, 'pools'>): Promise<number | string> {
  const own = (await ec2.template(template)).instanceType;
  const names = instanceTypes.length > 0 ? instanceTypes : own === undefined ? [] : [own];
  const [other] = names.filter((name) => !isStandardType(name));
  if (other !== undefined) return `${other} has its own quota: check it in the Service Quotas console`;
  const vCpus = (await ec2.types(names)).map((type) => type.vCpus);
  const known = vCpus.filter((each) => each !== undefined);
  return known.length > 0 && known.length === vCpus.length
    ? Math.max(...known)
    : `EC2 does not report the vCPUs of ${names.join(', ')}`;
}

async function limitOf(quotas: Quotas, market: Market, needed: number, vCpus: number): Promise<Limit> {
  const quota = await quotas.standardVcpus(market);
  const text = `${pluralize(needed, 'worker')} ${needed === 1 ? 'needs' : 'need'} ${needed * vCpus} vCPUs; the account's ${market} quota for all its instances is ${quota}`;
  return { market, needed, allowed: Math.floor(quota / vCpus), text };
}

function judge(limits: readonly Limit[]): CheckResult {
  const texts = limits.map(({ text }) => text).join('. ');
  const short = limits.filter(({ needed, allowed }) => allowed < needed);
  if (short.length === 0) return ok(texts);
  const names = short.map(({ market }) => `${VCPU_QUOTAS[market]} (${market})`).join(' and ');
  const most = limits.reduce((sum, { needed, allowed }) => sum + Math.min(needed, allowed), 0);
  return actionNeeded(
    `${texts}.`,
    `Request more of ${names} in the Service Quotas console (Amazon EC2, standard instances), or lower --max to ${most}.`,
  );
}
