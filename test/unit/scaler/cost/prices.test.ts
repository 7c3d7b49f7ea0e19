import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MACHINE_PRICES } from '../../../../src/core/money/machine-prices.ts';
import {
  oldPricesWarning,
  priceOf,
  priceWarnings,
  USUAL_ATTACHED,
} from '../../../../src/core/money/prices.ts';
import { quotedPrice } from '../../../../src/core/money/quoted-price.ts';
import { machinePrices } from '../../../../tools/price-list.ts';

const COLUMNS = [
  'SKU',
  'TermType',
  'PriceDescription',
  'Unit',
  'PricePerUnit',
  'Currency',
  'LeaseContractLength',
  'Instance Type',
  'Tenancy',
  'Operating System',
  'CapacityStatus',
  'Pre Installed S/W',
];
const price = (usd: string, over: Record<string, string> = {}) => {
  const row: Record<string, string> = {
    SKU: 'A',
    TermType: 'OnDemand',
    PriceDescription: `$${usd} per On Demand Linux c7i.large Instance Hour, "shared"`,
    Unit: 'Hrs',
    PricePerUnit: usd,
    Currency: 'USD',
    'Instance Type': 'c7i.large',
    Tenancy: 'Shared',
    'Operating System': 'Linux',
    CapacityStatus: 'Used',
    'Pre Installed S/W': 'NA',
    ...over,
  };
  return COLUMNS.map((name) => (row[name] === undefined ? '' : `"${row[name].replaceAll('"', '""')}"`)).join(
    ',',
  );
};
/** As AWS writes it: also other sizes, systems and tenancies, and reservations that cost nothing by the hour. */
const listOf = (day: string, ...rows: string[]) =>
  [
    '"FormatVersion","v1.0"',
    '"Disclaimer","This pricing list is for informational purposes only."',
    `"Publication Date","${day}T18:00:00Z"`,
    '"Version","20261120180000"',
    '"OfferCode","AmazonEC2"',
    COLUMNS.map((name) => `"${name}"`).join(','),
    ...rows,
  ].join('\n');
const versionOf = (region: string) => `/offers/v1.0/aws/AmazonEC2/20261120180000/${region}/index`;
const indexOf = (...regions: string[]) =>
  JSON.stringify({
    formatVersion: 'v1.0',
    publicationDate: '2026-11-20T18:00:00Z',
    regions: Object.fromEntries(
      regions.map((regionCode) => [
        regionCode,
        { regionCode, currentVersionUrl: `${versionOf(regionCode)}.json` },
      ]),
    ),
  });
const INDEX = '/offers/v1.0/aws/AmazonEC2/current/region_index.json';
const EVERYTHING = {
  [INDEX]: indexOf('us-gov-west-1', 'eu-central-1', 'us-west-2-lax-1', 'us-east-1-wl1-bos-wlz-1'),
  [`${versionOf('eu-central-1')}.csv`]: listOf(
    '2026-11-20',
    price('0.1018500000'),
    price('0.1100000000', { 'Instance Type': 'm7i-flex.large' }),
    price('0.2', { 'Operating System': 'Windows' }),
    price('0.3', { Tenancy: 'Dedicated' }),
    price('0.4', { CapacityStatus: 'AllocatedCapacityReservation' }),
    price('0.5', { 'Instance Type': 'c7i.xlarge' }),
    price('0.6', { 'Pre Installed S/W': 'SQL Std' }),
    price('0.7', { TermType: 'Reserved', LeaseContractLength: '3yr' }),
    price('0.045', { 'Instance Type': '' }),
  ),
  [`${versionOf('us-gov-west-1')}.csv`]: listOf('2026-11-18', price('0.1071000000')),
};

let answers: Readonly<Record<string, string>>;
const server = createServer((request, response) => {
  const answer = answers[request.url ?? ''];
  response.writeHead(answer === undefined ? 404 : 200);
  response.end(answer);
});
let endpoint: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

describe('the table of prices that a release makes', () => {
  it('has the price of Linux on demand of each family in each region, with the day of the oldest list', async () => {
    answers = EVERYTHING;
    expect(await machinePrices(endpoint)).toEqual({
      asOf: '2026-11-18',
      largeUsd: {
        'eu-central-1': { c7i: 0.10185, 'm7i-flex': 0.11 },
        'us-gov-west-1': { c7i: 0.1071 },
      },
    });
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['that is missing', { [INDEX]: indexOf('eu-nowhere-1') }, /answered 404 for .*eu-nowhere-1\/index\.csv/],
    [
      'that has none',
      { [INDEX]: indexOf('eu-central-1'), [`${versionOf('eu-central-1')}.csv`]: listOf('2026-11-20') },
      /no prices of eu-central-1/,
    ],
    ['if there is no region', { [INDEX]: indexOf() }, /names no region/],
  ])('is not made without the list of a region %s', async (_, given, why) => {
    answers = given;
    await expect(machinePrices(endpoint)).rejects.toThrow(why);
  });
});

describe('a price of a machine', () => {
  it('is known for the new families, too', () => {
    for (const type of ['c8i.large', 'c8a.large', 'm8i.large', 'm8a.xlarge', 'c8i-flex.large'])
      expect(priceOf(type, 'on-demand'), type).toBeGreaterThan(0);
  });

  it('includes its disk and its public address, unless pricePerHour is set', () => {
    // c7i.large, 16 GB of gp3 and an address: the worker of docs/aws.md.
    const usd = 0.08925 + (16 * 0.08) / 730 + 0.005;
    expect(priceOf('c7i.large', 'on-demand', { attached: USUAL_ATTACHED })).toBeCloseTo(usd, 10);
    expect(usd.toFixed(3)).toBe('0.096');
    const withoutAddress = { diskGb: 16, hasPublicAddress: false };
    expect(priceOf('c7i.large', 'spot', { attached: withoutAddress })).toBeCloseTo(usd - 0.005, 10);
    expect(priceOf('c7i.large', 'on-demand', { attached: USUAL_ATTACHED, override: 0.1 })).toBe(0.1);
    expect(priceOf('c99z.large', 'on-demand', { attached: USUAL_ATTACHED })).toBeUndefined();
  });

  it('of another region is that of us-east-1, with a warning', () => {
    expect(priceOf('c7i.large', 'on-demand', { region: 'eu-central-1' })).toBe(0.08925);
    expect(priceWarnings(['c7i.large'], { region: 'eu-central-1' })).toEqual([
      'Prices of eu-central-1 are not known: costs and caps count those of us-east-1, which may be lower. Set pricePerHour.',
    ]);
    expect(priceWarnings(['c7i.large'], { region: 'us-east-1' })).toEqual([]);
  });

  it('that is not known is a warning, unless pricePerHour is set', () => {
    const [warning] = priceWarnings(['c99z.large', 'c7i.large'], { region: 'us-east-1' });
    expect(warning).toContain('The price of c99z.large is not known: its cost does not count');
    expect(priceWarnings(['c99z.large'], { region: 'eu-central-1', override: 0.1 })).toEqual([]);
  });

  it('is a warning when it is older than 90 days', () => {
    const asOfMs = Date.parse(MACHINE_PRICES.asOf);
    const DAY_MS = 24 * 3_600_000;
    expect(oldPricesWarning(asOfMs + 89 * DAY_MS)).toBeUndefined();
    expect(oldPricesWarning(asOfMs + 90 * DAY_MS)).toContain(`are of ${MACHINE_PRICES.asOf}`);
  });
});

describe('the price in a quote', () => {
  const settings = { cloud: 'aws', instanceTypes: ['c7i.large'] } as const;
  const { asOf } = MACHINE_PRICES;
  const nowMs = Date.parse(asOf);

  it('is the list price of the region, and says of which day', () => {
    expect(quotedPrice({ settings, report: undefined, region: 'us-east-1', nowMs })).toEqual({
      hourlyUsd: priceOf('c7i.large', 'on-demand', { attached: USUAL_ATTACHED }),
      priceFrom: `on-demand list prices of us-east-1, ${asOf}, with disk and address, the most that spot instances cost`,
    });
  });

  it('says that it is of another region where that of the region is not known', () => {
    const report = { hourlyUsd: 0.0977, machines: [] };
    expect(quotedPrice({ settings, report, region: 'mx-central-1', nowMs })).toEqual({
      hourlyUsd: 0.0977,
      priceFrom: `the controller's fleet, on-demand list prices of us-east-1, ${asOf}, as those of mx-central-1 are not known and may be higher, with disk and address, the most that spot instances cost`,
    });
    expect(quotedPrice({ settings, report, region: undefined, nowMs }).priceFrom).toContain(
      'those of your region',
    );
  });

  it('comes with that of spot instances, if the controller knows it, but not beside pricePerHour', () => {
    const report = { hourlyUsd: 0.1, machines: [], spot: { fromUsd: 0.03, toUsd: 0.05, atMs: 1 } };
    expect(quotedPrice({ settings, report, region: 'us-east-1', nowMs })).toMatchObject({
      spot: report.spot,
    });
    const own = { ...report, settings: { pricePerHour: { value: 0.1, from: 'cluster' } } };
    expect(quotedPrice({ settings, report: own, region: 'us-east-1', nowMs })).toEqual({
      hourlyUsd: 0.1,
      priceFrom: "the controller's pricePerHour",
    });
  });

  it('says when its list is old, but not of pricePerHour or of this machine', () => {
    const old = { report: undefined, region: 'us-east-1', nowMs: nowMs + 100 * 24 * 3_600_000 };
    expect(quotedPrice({ ...old, settings }).oldPrices).toContain(`are of ${asOf} and may have changed`);
    expect(quotedPrice({ ...old, settings: { ...settings, pricePerHour: 0.1 } })).not.toHaveProperty(
      'oldPrices',
    );
    expect(quotedPrice({ ...old, settings: { cloud: 'local' } })).not.toHaveProperty('oldPrices');
  });
});
