/**
 * Writes src/core/money/machine-prices.ts from AWS's Price List (bulk files, public, no credentials). To be run at a release:
 *
 *     node --max-old-space-size=8192 tools/machine-prices.ts us-east-1 eu-central-1 && npm run format
 *
 * The file of one region has hundreds of megabytes.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { machinePrices, priceFile } from './price-list.ts';

const OFFERS = 'https://pricing.us-east-1.amazonaws.com';
const TARGET = path.join(import.meta.dirname, '../src/core/money/machine-prices.ts');

const regions = process.argv.slice(2);
if (regions.length === 0) throw new Error('Name the regions, such as us-east-1.');
await writeFile(TARGET, priceFile(await machinePrices(OFFERS, regions)));
