/**
 * What AWS asks for a machine and for requests, so that money is known without asking anybody. List prices of us-east-1
 * in US dollars, typed by hand from AWS's public price pages and not kept up to date: an account's own price goes into
 * the setting pricePerHour, which overrides them all.
 */
export const PRICES_AS_OF = '2025-06';

/** One request each. */
export const REQUEST_USD = { s3Put: 0.005 / 1000, s3Get: 0.0004 / 1000, sqs: 0.4 / 1_000_000 } as const;

export type PriceMarket = 'on-demand' | 'spot';

/** Linux, on demand, an hour of the `large` size. The other sizes cost in proportion. */
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

/** Sizes against `large`. */
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
 * US dollars for an hour of a machine; undefined where it is not known, never 0.
 * @param _market spot counts as on demand, which is the most that it can cost, unless `override` knows better.
 * @param override the setting pricePerHour.
 */
export function priceOf(instanceType: string, _market: PriceMarket, override?: number): number | undefined {
  if (override !== undefined) return override;
  // The one that the list rounds down by a percent.
  if (instanceType === 't2.small') return 0.023;
  const [family = '', size = ''] = instanceType.split('.');
  // Own ones only: the name is a person's, "constructor.large" say.
  if (!Object.hasOwn(LARGE_USD, family) || !Object.hasOwn(SIZES, size)) return undefined;
  const usd = (LARGE_USD[family] ?? 0) * (SIZES[size] ?? 0);
  return Number(usd.toFixed(5));
}

/** The highest; undefined where there is none, or one that is not known. */
export function highestPrice(prices: readonly (number | undefined)[]): number | undefined {
  const known = prices.filter((price) => price !== undefined);
  return known.length > 0 && known.length === prices.length ? Math.max(...known) : undefined;
}
