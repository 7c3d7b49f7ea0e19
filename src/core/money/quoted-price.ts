import type { ControllerReport } from '../fleet/fleet.ts';
import { MACHINE_PRICES } from './machine-prices.ts';
import { highestPrice, priceOf, USUAL_ATTACHED } from './prices.ts';

/** Spot prices change by the hour, so they are not in a quote. */
const LIST_PRICES = 'list prices on demand with disk and address, the most that spot instances cost';

interface PriceSettings {
  cloud: 'local' | 'aws';
  pricePerHour?: number | undefined;
  instanceTypes?: readonly string[] | undefined;
}

/** Of a machine of the fleet. */
export interface QuotedPrice {
  hourlyUsd: number | undefined;
  priceFrom: string;
}

/**
 * The highest of several prices: a quote should not be exceeded.
 * @param report of the controller, if there is one.
 */
export function quotedPrice(
  { cloud, pricePerHour, instanceTypes = [] }: PriceSettings,
  report: Pick<ControllerReport, 'hourlyUsd' | 'machines' | 'settings'> | undefined,
): QuotedPrice {
  if (pricePerHour !== undefined) return { hourlyUsd: pricePerHour, priceFrom: 'the setting pricePerHour' };
  if (cloud === 'local') return { hourlyUsd: 0, priceFrom: 'no extra cost on this machine' };
  const machines = report?.machines.map(({ hourlyUsd }) => hourlyUsd) ?? [];
  const fromFleet = report?.hourlyUsd ?? highestPrice(machines);
  const isOwn = report?.settings?.pricePerHour !== undefined;
  const origin = isOwn ? "the controller's pricePerHour" : `the controller's fleet, ${LIST_PRICES}`;
  if (fromFleet !== undefined) return { hourlyUsd: fromFleet, priceFrom: origin };
  const listed = instanceTypes.map((type) => priceOf(type, 'on-demand', { attached: USUAL_ATTACHED }));
  return { hourlyUsd: highestPrice(listed), priceFrom: `us-east-1, ${MACHINE_PRICES.asOf}, ${LIST_PRICES}` };
}
