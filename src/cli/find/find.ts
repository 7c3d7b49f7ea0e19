import { existsSync, statSync } from 'node:fs';
import type { SearchIndex } from '../../core/cloud/search-index.ts';
import { jobTimeMs } from '../../core/job/job-ids.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import { type Duplicates, findDuplicates } from '../../photos/find/find-duplicates.ts';
import { type FoundPhotograph, findPhotographs, type Query } from '../../photos/find/find-photographs.ts';
import { searchLedger } from '../../photos/find/search-ledger.ts';
import { meantWords, wordsIn } from '../../photos/find/words.ts';
import { completeJobId } from '../../results/complete-job-id.ts';
import { openOutput } from '../output/output.ts';
import { type Run, withRun } from '../run.ts';
import { exitCode } from '../terminal/exit.ts';
import { notice } from '../terminal/notice.ts';
import { screenOf } from '../terminal/screen.ts';
import { duplicatesText, photographsText } from './find-text.ts';
import { openIndexing } from './indexing.ts';
import { wantedLabels } from './wanted-labels.ts';

export interface FindOptions {
  minScore: number;
  since?: number;
  before?: number;
  job?: string;
  limit?: number;
  null?: boolean;
  format: 'table' | 'json' | 'ndjson';
  duplicates?: boolean;
  rebuild?: boolean;
  cluster?: string;
  dataDir?: string;
}

/** More photographs than a person reads on a terminal. */
const LIMIT_ON_TERMINAL = 100;

/** Runs `imgcls find`. @returns the exit code. */
export async function find(words: readonly string[], options: FindOptions): Promise<number> {
  checkUsage(words, options);
  const { cluster, dataDir, rebuild, duplicates } = options;
  return await withRun({ cluster, dataDir }, async (run) => {
    const { cloud, interrupted } = run;
    const { output, search } = cloud;
    if (search === undefined) throw notOnS3(output.bucket);
    if (rebuild === true) await search.clear(interrupted);
    const indexing = openIndexing(interrupted);
    const searched = <T>(act: (index: SearchIndex) => Promise<T>): Promise<T> =>
      searchLedger({ output, search }, act, indexing.options).finally(() => indexing.end());
    if (duplicates === true) await printDuplicates(await searched(presentDuplicates(interrupted)), options);
    else if (words.length === 0) await searched(async () => {});
    else {
      const query = await queryOf(words, options, run);
      const found = await searched((index) => collect(index, query, { ...options, signal: interrupted }));
      if (found.photographs.length === 0) notice(await nothingText(words, search));
      await printPhotographs(found, options);
    }
    return exitCode.done;
  });
}

/** @throws {ImgclsError} for flags that do not go together. */
function checkUsage(words: readonly string[], { duplicates, rebuild, null: nul, format }: FindOptions): void {
  const fail = (message: string) => {
    throw new ImgclsError('usage', message, { hint: 'imgcls find --help' });
  };
  if (duplicates === true && words.length > 0) fail('Cannot use --duplicates with words.');
  if (nul === true && (duplicates === true || format !== 'table'))
    fail(`Cannot use --null with ${duplicates === true ? '--duplicates' : '--format'}.`);
  if (duplicates !== true && rebuild !== true && words.flatMap(wordsIn).length === 0)
    fail('Nothing to find: name a word of a label.');
}

const notOnS3 = (bucket: string): ImgclsError =>
  new ImgclsError(
    'usage',
    `Cannot search the results in s3://${bucket}: "imgcls find" works on one machine.`,
    {
      hint: 'DuckDB and Athena read them as they are: docs/query.md has the statements.',
    },
  );

async function queryOf(
  words: readonly string[],
  { minScore, since = Number.NEGATIVE_INFINITY, before = Number.POSITIVE_INFINITY, job }: FindOptions,
  { cloud, interrupted }: Run,
): Promise<Query> {
  const only = job === undefined ? undefined : await completeJobId(cloud, job, interrupted);
  return {
    isWanted: wantedLabels(words),
    minScore,
    isSearched(id) {
      const atMs = jobTimeMs(id);
      return atMs >= since && atMs < before && (only === undefined || id === only);
    },
  };
}

/** What is printed, and what is not. */
export interface FoundPhotographs {
  photographs: FoundPhotograph[];
  gone: number;
  /** Uploads and objects, of which there is no path. */
  withoutPath: number;
  hasMore: boolean;
}

async function collect(
  index: SearchIndex,
  query: Query,
  { limit, null: nul, signal }: Pick<FindOptions, 'limit' | 'null'> & { signal: AbortSignal },
): Promise<FoundPhotographs> {
  const most = limit ?? (process.stdout.isTTY && nul !== true ? LIMIT_ON_TERMINAL : Number.POSITIVE_INFINITY);
  const found: FoundPhotographs = { photographs: [], gone: 0, withoutPath: 0, hasMore: false };
  for await (const photograph of findPhotographs(index, query, { atOnce: most + 1, signal })) {
    const { kind, at } = photograph.place;
    if (kind === 'file' && !existsSync(at)) found.gone++;
    else if (kind !== 'file' && nul === true) found.withoutPath++;
    else if (found.photographs.length < most) found.photographs.push(photograph);
    else {
      found.hasMore = true;
      break;
    }
  }
  return found;
}

async function printPhotographs(found: FoundPhotographs, options: FindOptions): Promise<void> {
  const { photographs, gone, withoutPath, hasMore } = found;
  await print(photographsText(photographs, { ...options, screen: screenOf(process.stdout) }));
  if (gone > 0) notice(`Left out ${pluralize(gone, 'photograph')} whose files are gone.`);
  if (withoutPath > 0)
    notice(`Left out ${pluralize(withoutPath, 'photograph')} that were uploaded or are in a bucket.`);
  if (hasMore) notice(`More photographs match. Use --limit to print more than ${photographs.length}.`);
}

/** Files that have since been deleted, or have another size, are no duplicates. */
const presentDuplicates =
  (signal: AbortSignal) =>
  async (index: SearchIndex): Promise<Duplicates[]> => {
    const groups = await findDuplicates(index, signal);
    return groups.flatMap(({ bytes, paths }) => {
      const present = paths.filter((file) => statSync(file, { throwIfNoEntry: false })?.size === bytes);
      return present.length < 2 ? [] : [{ bytes, paths: present }];
    });
  };

async function printDuplicates(groups: readonly Duplicates[], options: FindOptions): Promise<void> {
  await print(duplicatesText(groups, { ...options, screen: screenOf(process.stdout) }));
  if (groups.length === 0) notice('No duplicates found.');
}

async function print(text: string): Promise<void> {
  const output = await openOutput(undefined);
  await output.write(text);
  await output.finish();
}

/** `No photographs found for "dgo". Did you mean dog?` */
async function nothingText(words: readonly string[], search: SearchIndex): Promise<string> {
  const labels = [...(await search.labels()).values()].flat();
  const typed = words.join(' ');
  if (labels.some(wantedLabels(words))) return `No photographs found for "${typed}".`;
  const meant = meantWords(words, labels);
  return `No photographs found for "${typed}".${meant === undefined ? '' : ` Did you mean ${meant}?`}`;
}
