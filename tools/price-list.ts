// Reads the prices of machines from the bulk files of AWS's Price List.

import * as z from 'zod';

/** Families that run workers: general purpose, compute, memory and burstable ones, whose sizes cost in proportion to `large`. */
const LARGE = /^([cmrt]\d[a-z0-9-]*)\.large$/;

const offers = z.object({
  publicationDate: z.iso.datetime(),
  products: z.record(z.string(), z.object({ sku: z.string(), attributes: z.record(z.string(), z.string()) })),
  terms: z.object({
    OnDemand: z.record(
      z.string(),
      z.record(
        z.string(),
        z.object({
          priceDimensions: z.record(
            z.string(),
            z.object({ unit: z.string(), pricePerUnit: z.object({ USD: z.string().optional() }) }),
          ),
        }),
      ),
    ),
  }),
});
type Offers = z.infer<typeof offers>;

export interface MachinePrices {
  /** The day of the oldest file. */
  asOf: string;
  largeUsd: Record<string, Record<string, number>>;
}

/** @param endpoint of the Price List. */
export async function machinePrices(endpoint: string, regions: readonly string[]): Promise<MachinePrices> {
  const largeUsd: MachinePrices['largeUsd'] = {};
  const days: string[] = [];
  for (const region of regions) {
    const response = await fetch(`${endpoint}/offers/v1.0/aws/AmazonEC2/current/${region}/index.json`);
    if (!response.ok) throw new Error(`The Price List answered ${response.status} for ${region}.`);
    const found = offers.parse(await response.json());
    const prices = pricesIn(found);
    if (Object.keys(prices).length === 0) throw new Error(`The Price List has no prices of ${region}.`);
    largeUsd[region] = prices;
    days.push(found.publicationDate.slice(0, 10));
  }
  return { asOf: days.toSorted()[0] ?? '', largeUsd };
}

function pricesIn({ products, terms }: Offers): Record<string, number> {
  const prices: [string, number][] = [];
  for (const { sku, attributes } of Object.values(products)) {
    const family = LARGE.exec(attributes.instanceType ?? '')?.[1];
    if (family === undefined || !isPlainLinux(attributes)) continue;
    for (const { priceDimensions } of Object.values(terms.OnDemand[sku] ?? {}))
      for (const { unit, pricePerUnit } of Object.values(priceDimensions))
        if (unit === 'Hrs' && Number(pricePerUnit.USD) > 0) prices.push([family, Number(pricePerUnit.USD)]);
  }
  return Object.fromEntries(prices.toSorted(([a], [b]) => a.localeCompare(b)));
}

/** Not dedicated, not reserved, without licences and preinstalled software. */
const isPlainLinux = ({ operatingSystem, tenancy, preInstalledSw, capacitystatus }: Record<string, string>) =>
  operatingSystem === 'Linux' && tenancy === 'Shared' && preInstalledSw === 'NA' && capacitystatus === 'Used';

/** The text of src/core/money/machine-prices.ts. */
export const priceFile = ({ asOf, largeUsd }: MachinePrices): string => `/**
 * List prices of an hour of the \`large\` size in US dollars: Linux, on demand. "node tools/machine-prices.ts" has written this
 * file from AWS's Price List.
 */
export const MACHINE_PRICES = {
  asOf: '${asOf}',
  largeUsd: ${JSON.stringify(largeUsd, null, 2).replaceAll('\n', '\n  ')} as Readonly<Record<string, Readonly<Record<string, number>>>>,
};
`;
