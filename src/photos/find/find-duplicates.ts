import { DamagedIndexError, type SearchIndex } from '../../core/cloud/search-index.ts';
import { DIGEST_BYTES, parseRecords } from './piece.ts';
import { type Indexed, readTexts } from './read-texts.ts';

/** Files that had the same content when they were labelled last. */
export interface Duplicates {
  bytes: number;
  paths: readonly string[];
}

/** The groups of files with equal content, those that take the most space first. */
export async function findDuplicates(search: SearchIndex, signal?: AbortSignal): Promise<Duplicates[]> {
  const copies = await copiesByContent(search, signal);
  const texts = await readTexts(search, copies.flat());
  const groups = copies.flatMap((group): Duplicates[] => {
    const found = group.flatMap((copy) => texts.get(copy) ?? []);
    const paths = found.flatMap(({ place }) => (place.kind === 'file' ? [place.at] : []));
    return paths.length < 2 ? [] : [{ bytes: found[0]?.bytes ?? 0, paths: paths.sort() }];
  });
  const excess = ({ bytes, paths }: Duplicates) => bytes * (paths.length - 1);
  return groups.sort((a, b) => excess(b) - excess(a));
}

const NO_DIGEST = '\0'.repeat(DIGEST_BYTES);

interface Copy extends Indexed {
  digest: string;
}

/** Photographs whose newest contents are equal: several in each group. */
async function copiesByContent(search: SearchIndex, signal: AbortSignal | undefined): Promise<Copy[][]> {
  const newest = new Map<number, Copy>();
  for await (const { records, ...piece } of search.records(signal)) {
    const { photographs } = parseRecords(records);
    const rest = await search.rest(piece);
    if (rest === undefined) continue;
    const digests = Buffer.from(rest.digests).toString('latin1');
    if (digests.length !== DIGEST_BYTES * photographs.length) throw new DamagedIndexError();
    for (const [at, number] of photographs.entries()) {
      const digest = digests.slice(DIGEST_BYTES * at, DIGEST_BYTES * (at + 1));
      if (digest !== NO_DIGEST) newest.set(number, { piece, at, digest });
    }
  }
  return [...Map.groupBy(newest.values(), ({ digest }) => digest).values()].filter(
    ({ length }) => length > 1,
  );
}
