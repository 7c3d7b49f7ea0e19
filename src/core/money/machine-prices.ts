import prices from './machine-prices.json' with { type: 'json' };

/**
 * List prices of an hour of the `large` size in US dollars, by region and family: Linux, on demand. "npm run release:prices" writes
 * the file anew from AWS's Price List. The prices of us-east-1 were typed from a public copy of that list.
 */
export const MACHINE_PRICES: {
  readonly asOf: string;
  readonly largeUsd: Readonly<Record<string, Readonly<Record<string, number>>>>;
} = prices;
