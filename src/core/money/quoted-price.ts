import type { ControllerReport } from '../fleet/fleet.ts';
import { highestPrice, oldPricesWarning, priceOf, USUAL_ATTACHED, whosePrices } from './prices.ts';

interface PriceSettings {
  cloud: 'local' | 'aws';
  pricePerHour?: number | undefined;
  instanceTypes?: readonly string[] | undefined;
}

/** Of a machine of the fleet. */
export interface QuotedPrice {
  hourlyUsd: number | undefined;
  priceFrom: string;
  /** Why it may be wrong. Absent if its list is recent, or if it is set. */
  oldPrices?: string;
  /** What it costs as a spot instance, as the controller read it last. Absent if that is not known. */
  spot?: NonNullable<ControllerReport['spot']>;
}

export interface QuotedPriceInput {
  settings: PriceSettings;
  /** Of the controller, if there is one. */
  report: Pick<ControllerReport, 'hourlyUsd' | 'machines' | 'settings' | 'spot'> | undefined;
  /** Of AWS; undefined if it is not known. */
  region: string | undefined;
  nowMs: number;
}

/** The highest of several prices: a quote should not be exceeded. */
export function quotedPrice({ settings, report, region, nowMs }: QuotedPriceInput): QuotedPrice {
  const { cloud, pricePerHour, instanceTypes = [] } = settings;
  if (pricePerHour !== undefined) return { hourlyUsd: pricePerHour, priceFrom: 'the setting pricePerHour' };
  if (cloud === 'local') return { hourlyUsd: 0, priceFrom: 'no extra cost on this machine' };
  const machines = report?.machines.map(({ hourlyUsd }) => hourlyUsd) ?? [];
  const fromFleet = report?.hourlyUsd ?? highestPrice(machines);
  if (fromFleet !== undefined && report?.settings?.pricePerHour !== undefined)
    return { hourlyUsd: fromFleet, priceFrom: "the controller's pricePerHour" };
  const listed = instanceTypes.map((type) =>
    priceOf(type, 'on-demand', { attached: USUAL_ATTACHED, region }),
  );
  const oldPrices = oldPricesWarning(nowMs);
  const prices = `on-demand ${whosePrices(region)} with disk and address, the most that spot instances cost`;
  return {
    hourlyUsd: fromFleet ?? highestPrice(listed),
    priceFrom: fromFleet === undefined ? prices : `the controller's fleet, ${prices}`,
    ...(oldPrices !== undefined && { oldPrices }),
    ...(report?.spot && { spot: report.spot }),
  };
}
