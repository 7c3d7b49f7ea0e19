import type { Store } from '../../core/cloud/ports.ts';
import { DamagedIndexError, type SearchIndex } from '../../core/cloud/search-index.ts';
import { type IndexingOptions, indexLedger } from './index-ledger.ts';

/** Brings the index up to date and searches it. One that is damaged is made again. */
export async function searchLedger<T>(
  ledger: { output: Store; search: SearchIndex },
  run: (search: SearchIndex) => Promise<T>,
  options: IndexingOptions,
): Promise<T> {
  await indexLedger(ledger, options);
  try {
    return await run(ledger.search);
  } catch (error) {
    if (!(error instanceof DamagedIndexError)) throw error;
    await ledger.search.clear(options.signal);
    await indexLedger(ledger, options);
    return await run(ledger.search);
  }
}
