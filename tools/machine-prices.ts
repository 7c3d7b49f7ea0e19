/**
 * Writes src/core/money/machine-prices.json from AWS's Price List: bulk files of all regions, public, without credentials, some
 * gigabytes together. `npm run release:version` runs it.
 *
 *     npm run release:prices
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { machinePrices } from './price-list.ts';

const OFFERS = 'https://pricing.us-east-1.amazonaws.com';
const TARGET = path.join(import.meta.dirname, '../src/core/money/machine-prices.json');

await writeFile(TARGET, `${JSON.stringify(await machinePrices(OFFERS), null, 2)}\n`);
