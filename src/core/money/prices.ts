/**
 * Prices of machines and requests, so that a cost is known without a request to AWS. List prices in US dollars. The setting
 * pricePerHour overrides those of machines.
 */
import { MACHINE_PRICES } from './machine-prices.ts';

/** Of requests: of us-east-1, typed from AWS's public price pages. */
export const PRICES_AS_OF = '2025-06';

/** Price of one request. */
export const REQUEST_USD = { s3Put: 0.005 / 1000, s3Get: 0.0004 / 1000, sqs: 0.4 / 1_000_000 } as const;

/** Of what a machine has besides its type. */
export const ATTACHED_USD = {
  /** https://aws.amazon.com/vpc/pricing/: a public IPv4 address for an hour. */
  addressHour: 0.005,
  /** https://aws.amazon.com/ebs/pricing/: a GB of gp3 in a month. */
  diskGbMonth: 0.08,
} as const;

/** As AWS counts a month. */
export const MONTH_HOURS = 730;

/** What a machine has besides its type, while it runs. */
export interface Attached {
  diskGb: number;
  hasPublicAddress: boolean;
}

/** Of a worker as `imgcls deploy` makes it, without other settings. */
export const USUAL_ATTACHED: Attached = { diskGb: 16, hasPublicAddress: true };

const attachedHourlyUsd = ({ diskGb, hasPublicAddress }: Attached): number =>
  (hasPublicAddress ? ATTACHED_USD.addressHour : 0) + (diskGb * ATTACHED_USD.diskGbMonth) / MONTH_HOURS;

export type PriceMarket = 'on-demand' | 'spot';

/** Its prices are used where those of another region are not known. */
const USUAL_REGION = 'us-east-1';
/** AWS changes list prices some times a year, and adds types. */
const OLD_AFTER_MS = 90 * 24 * 3_600_000;

/** Sizes relative to `large`. */
const SIZES: Readonly<Record<string, number>> = {
  nano: 1 / 16,
  micro: 1 / 8,
  small: 1 / 4,
  medium: 1 / 2,
  large: 1,
  xlarge: 2,
  '2xlarge': 4,
  '4xlarge': 8,
  '8xlarge': 16,
  '12xlarge': 24,
  '16xlarge': 32,
};

export interface PriceOptions {
  /** The setting pricePerHour, of the whole machine. */
  override?: number | undefined;
  /** Absent: the price of the type alone. */
  attached?: Attached | undefined;
  /** What a spot instance of the type costs now, without what is attached. Absent: its list price, which is the most. */
  spotUsd?: number | undefined;
  /** Of AWS. */
  region?: string | undefined;
}

/** Price of a machine hour in US dollars. Undefined if it is not known, never 0. */
export function priceOf(
  instanceType: string,
  market: PriceMarket,
  { override, region, attached, spotUsd }: PriceOptions = {},
): number | undefined {
  if (override !== undefined) return override;
  const usd = (market === 'spot' ? spotUsd : undefined) ?? typeHourlyUsd(instanceType, region);
  return usd === undefined || attached === undefined ? usd : usd + attachedHourlyUsd(attached);
}

function typeHourlyUsd(instanceType: string, region: string | undefined): number | undefined {
  // The one price that is not in proportion: AWS rounds it down by a percent.
  if (instanceType === 't2.small') return 0.023;
  const [family = '', size = ''] = instanceType.split('.');
  const largeUsd = pricesOf(region) ?? pricesOf(USUAL_REGION) ?? {};
  // Own properties only: a user may name any type, such as "constructor.large".
  if (!Object.hasOwn(largeUsd, family) || !Object.hasOwn(SIZES, size)) return undefined;
  const usd = (largeUsd[family] ?? 0) * (SIZES[size] ?? 0);
  return Number(usd.toFixed(5));
}

const pricesOf = (region = USUAL_REGION): Readonly<Record<string, number>> | undefined =>
  Object.hasOwn(MACHINE_PRICES.largeUsd, region) ? MACHINE_PRICES.largeUsd[region] : undefined;

/** For people: whose list prices count in this region, and of which day they are. */
export function whosePrices(region: string | undefined): string {
  const { asOf } = MACHINE_PRICES;
  if (region !== undefined && pricesOf(region) !== undefined) return `list prices of ${region}, ${asOf},`;
  const own = region === undefined ? 'your region' : region;
  return `list prices of ${USUAL_REGION}, ${asOf}, as those of ${own} are not known and may be higher,`;
}

/** Why the prices of these types may be wrong or are missing. */
export function priceWarnings(types: readonly string[], { override, region }: PriceOptions): string[] {
  if (override !== undefined) return [];
  const unknown = types.filter((type) => priceOf(type, 'on-demand', { region }) === undefined);
  const warnings =
    unknown.length === 0
      ? []
      : [
          `The price of ${unknown.join(', ')} is not known: its cost does not count, and with a cost cap nothing is launched. Set pricePerHour.`,
        ];
  if (pricesOf(region) === undefined)
    warnings.push(
      `Prices of ${region} are not known: costs and caps count those of ${USUAL_REGION}, which may be lower. Set pricePerHour.`,
    );
  return warnings;
}

/** Undefined if the prices of machines are recent enough. */
export function oldPricesWarning(nowMs: number): string | undefined {
  const { asOf } = MACHINE_PRICES;
  if (nowMs - Date.parse(asOf) < OLD_AFTER_MS) return undefined;
  return `The prices of machines are of ${asOf} and may have changed. Update imgcls, or set pricePerHour.`;
}

/** A `large` one has two of them, the other sizes in proportion; small ones get as much time of theirs. */
const LARGE_CORES = 2;

/** Cores (vCPUs) of an instance type. Undefined if its size is not known. */
export function coresOf(instanceType: string): number | undefined {
  const [, size = ''] = instanceType.split('.');
  return Object.hasOwn(SIZES, size) ? LARGE_CORES * (SIZES[size] ?? 0) : undefined;
}

/** The highest price. Undefined if there is none, or if one is not known. */
export function highestPrice(prices: readonly (number | undefined)[]): number | undefined {
  const known = prices.filter((price) => price !== undefined);
  return known.length > 0 && known.length === prices.length ? Math.max(...known) : undefined;
}
