// Reads the prices of machines from the bulk files of AWS's Price List. A file has hundreds of megabytes, so it is read by line.

import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import * as z from 'zod';

/** Families that run workers: general purpose, compute, memory and burstable ones, whose sizes cost in proportion to `large`. */
const LARGE = /^([cmrt]\d[a-z0-9-]*)\.large$/;
/** Local Zones and Wavelength Zones (us-west-2-lax-1) have lists of their own. */
const REGION = /^[a-z]{2,3}(-[a-z]+)+-\d$/;
const INDEX = '/offers/v1.0/aws/AmazonEC2/current/region_index.json';

const regionIndex = z.object({
  regions: z.record(z.string(), z.object({ regionCode: z.string(), currentVersionUrl: z.string() })),
});

export interface MachinePrices {
  /** The day of the oldest file. */
  asOf: string;
  largeUsd: Record<string, Record<string, number>>;
}

/** Of all regions that the index names. @param endpoint of the Price List. */
export async function machinePrices(endpoint: string): Promise<MachinePrices> {
  const { regions } = regionIndex.parse(await (await get(`${endpoint}${INDEX}`)).json());
  const largeUsd: MachinePrices['largeUsd'] = {};
  const days: string[] = [];
  const lists = Object.values(regions).filter(({ regionCode }) => REGION.test(regionCode));
  for (const { regionCode, currentVersionUrl } of lists.toSorted(byCode)) {
    const { published, prices } = await readList(
      `${endpoint}${currentVersionUrl.replace(/\.json$/, '.csv')}`,
    );
    if (prices.size === 0) throw new Error(`The Price List has no prices of ${regionCode}.`);
    largeUsd[regionCode] = Object.fromEntries([...prices].toSorted(([a], [b]) => a.localeCompare(b)));
    days.push(published.slice(0, 'yyyy-mm-dd'.length));
  }
  if (days.length === 0) throw new Error('The index of the Price List names no region.');
  return { asOf: days.toSorted()[0] ?? '', largeUsd };
}

const byCode = (a: { regionCode: string }, b: { regionCode: string }): number =>
  a.regionCode.localeCompare(b.regionCode);

async function get(url: string): Promise<Response> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`The Price List answered ${response.status} for ${url}.`);
  return response;
}

/** Lines of names and values come first, among them the day; then the names of the columns, and a line for each price. */
async function readList(url: string): Promise<{ published: string; prices: ReadonlyMap<string, number> }> {
  const { body } = await get(url);
  if (body === null) throw new Error(`The Price List answered nothing for ${url}.`);
  const prices = new Map<string, number>();
  let published = '';
  let columns: string[] | undefined;
  for await (const line of createInterface({ input: Readable.from(body) })) {
    if (columns === undefined) {
      const [name = '', value = ''] = cellsOf(line);
      if (name === 'Publication Date') published = value;
      if (name === 'SKU') columns = cellsOf(line);
    } else if (line.includes('.large"')) {
      const cells = cellsOf(line);
      const price = priceIn(Object.fromEntries(columns.map((name, at) => [name, cells[at] ?? ''])));
      if (price !== undefined) prices.set(...price);
    }
  }
  if (columns === undefined || published === '') throw new Error(`No list of prices: ${url}.`);
  return { published, prices };
}

/** Quoted, or empty. A quote within a value is doubled. */
const cellsOf = (line: string): string[] =>
  [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain = '']) =>
    quoted === undefined ? plain : quoted.replaceAll('""', '"'),
  );

/** Of Linux on demand: not dedicated, not reserved, without licences and preinstalled software. */
function priceIn(row: Record<string, string>): [string, number] | undefined {
  const family = LARGE.exec(row['Instance Type'] ?? '')?.[1];
  const usd = Number(row.PricePerUnit);
  const isPlain =
    row.TermType === 'OnDemand' &&
    row.Unit === 'Hrs' &&
    row.Currency === 'USD' &&
    row['Operating System'] === 'Linux' &&
    row.Tenancy === 'Shared' &&
    row['Pre Installed S/W'] === 'NA' &&
    row.CapacityStatus === 'Used';
  return family !== undefined && isPlain && usd > 0 ? [family, usd] : undefined;
}
