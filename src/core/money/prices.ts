/**
 * Prices of machines and requests, so that a cost is known without a request to AWS. List prices of us-east-1 in US
 * dollars, typed by hand from AWS's public price pages and not kept up to date. The setting pricePerHour overrides them.
 */
export const PRICES_AS_OF = '2025-06';

/** Price of one request. */
export const REQUEST_USD = { s3Put: 0.005 / 1000, s3Get: 0.0004 / 1000, sqs: 0.4 / 1_000_000 } as const;

export type PriceMarket = 'on-demand' | 'spot';

/** Price of an hour of the `large` size, Linux, on demand. The other sizes cost in proportion. */
const LARGE_USD: Readonly<Record<string, number>> = {
  c5: 0.085,
  c6a: 0.0765,
  c6g: 0.068,
  c6i: 0.085,
  c7a: 0.10264,
  c7g: 0.0725,
  c7i: 0.08925,
  'c7i-flex': 0.08479,
  c8g: 0.07976,
  m5: 0.096,
  m6a: 0.0864,
  m6g: 0.077,
  m6i: 0.096,
  m7a: 0.11592,
  m7g: 0.0816,
  m7i: 0.1008,
  'm7i-flex': 0.09576,
  m8g: 0.08976,
  t2: 0.0928,
  t3: 0.0832,
  t3a: 0.0752,
  t4g: 0.0672,
};

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

/**
 * Price of a machine hour in US dollars. Undefined if it is not known, never 0.
 * @param _market spot counts as on demand, its maximum price, unless there is an `override`.
 * @param override the setting pricePerHour.
 */
export function priceOf(instanceType: string, _market: PriceMarket, override?: number): number | undefined {
  if (override !== undefined) return override;
  // The one price that is not in proportion: AWS rounds it down by a percent.
  if (instanceType === 't2.small') return 0.023;
  const [family = '', size = ''] = instanceType.split('.');
  // Own properties only: a user may name any type, such as "constructor.large".
  if (!Object.hasOwn(LARGE_USD, family) || !Object.hasOwn(SIZES, size)) return undefined;
  const usd = (LARGE_USD[family] ?? 0) * (SIZES[size] ?? 0);
  return Number(usd.toFixed(5));
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
