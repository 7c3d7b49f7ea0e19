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
import { machinePrices, priceFile } from '../../../../tools/price-list.ts';

const attributes = {
  instanceType: 'c7i.large',
  operatingSystem: 'Linux',
  tenancy: 'Shared',
  preInstalledSw: 'NA',
  capacitystatus: 'Used',
};
const term = (usd: string) => ({
  offer: { priceDimensions: { one: { unit: 'Hrs', pricePerUnit: { USD: usd } } } },
});
/** As AWS writes it: also other sizes, systems and tenancies, and reservations that cost nothing by the hour. */
const OFFERS = {
  formatVersion: 'v1.0',
  publicationDate: '2026-11-20T18:00:00Z',
  products: {
    A: { sku: 'A', productFamily: 'Compute Instance', attributes },
    B: { sku: 'B', attributes: { ...attributes, operatingSystem: 'Windows' } },
    C: { sku: 'C', attributes: { ...attributes, tenancy: 'Dedicated' } },
    D: { sku: 'D', attributes: { ...attributes, capacitystatus: 'AllocatedCapacityReservation' } },
    E: { sku: 'E', attributes: { ...attributes, instanceType: 'c7i.xlarge' } },
    F: { sku: 'F', attributes: { ...attributes, instanceType: 'm7i-flex.large' } },
    G: { sku: 'G', attributes: { group: 'NAT gateway' } },
    H: { sku: 'H', attributes: { ...attributes, preInstalledSw: 'SQL Std' } },
  },
  terms: {
    OnDemand: {
      A: term('0.1018500000'),
      B: term('0.2'),
      C: term('0.3'),
      D: term('0.4'),
      E: term('0.5'),
      F: term('0.1100000000'),
      H: term('0.6'),
    },
  },
};

const server = createServer((request, response) => {
  const isKnown = request.url === '/offers/v1.0/aws/AmazonEC2/current/eu-central-1/index.json';
  response.writeHead(isKnown ? 200 : 404, { 'content-type': 'application/json' });
  response.end(JSON.stringify(isKnown ? OFFERS : {}));
});
let endpoint: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

describe('the table of prices that a release makes', () => {
  it("has the price of Linux on demand of each family, with the day of AWS's list", async () => {
    const prices = await machinePrices(endpoint, ['eu-central-1']);
    expect(prices).toEqual({
      asOf: '2026-11-20',
      largeUsd: { 'eu-central-1': { c7i: 0.10185, 'm7i-flex': 0.11 } },
    });
    expect(priceFile(prices)).toContain("asOf: '2026-11-20'");
  });

  it('is not made without the prices of a region', async () => {
    await expect(machinePrices(endpoint, ['eu-nowhere-1'])).rejects.toThrow('answered 404 for eu-nowhere-1');
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
