import type { Store } from '../cloud/ports.ts';
import { readObject } from '../cloud/read-object.ts';
import { ImgclsError, PoisonError } from '../runtime/errors.ts';
import { parseVersioned } from '../runtime/versioned.ts';
import type { IndexRange } from './index-ranges.ts';
import { LARGE_PACK_FORMAT, type ManifestEntry, manifestEntry } from './job.ts';
import { announcedKey, manifestPartKey, manifestPrefix, type PartPlace, parsePartKey } from './keys.ts';

/**
 * Writes a part of a job's manifest.
 * @throws {PreconditionFailedError} when another submitter has written it.
 */
export async function writePart(
  output: Store,
  job: string,
  place: PartPlace,
  entries: readonly ManifestEntry[],
  signal?: AbortSignal,
): Promise<void> {
  const body = Buffer.from(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  await output.put(manifestPartKey(job, place), body, { only: 'absent', ...(signal && { signal }) });
}

export const otherSubmitterError = (job: string, cause?: unknown): ImgclsError =>
  new ImgclsError('permanent', `Another process is announcing the images of job ${job}.`, {
    hint: `Run "imgcls results ${job} --wait" to wait for its outcomes.`,
    cause,
  });

/** Marks that the requests of a part are in the queue. */
export async function markAnnounced(
  output: Store,
  job: string,
  place: PartPlace,
  signal?: AbortSignal,
): Promise<void> {
  await output.put(announcedKey(job, place), new Uint8Array(), signal && { signal });
}

/** @throws {InvalidObjectError} when the part is not valid. */
export async function readPart(
  output: Store,
  job: string,
  place: PartPlace,
  signal?: AbortSignal,
): Promise<ManifestEntry[]> {
  const key = manifestPartKey(job, place);
  const parse = (text: string) => parsePart(text, key);
  return (await readObject(output, key, parse, signal && { signal })).value;
}

function parsePart(text: string, key: string): ManifestEntry[] {
  const entries = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => parseVersioned(manifestEntry, line, `manifest part ${key}`, LARGE_PACK_FORMAT));
  if (entries.length === 0) throw new PoisonError(`The manifest part ${key} is empty.`);
  return entries;
}

/** The parts of an attempt's manifest, in order, and whether each was announced. */
export async function listParts(
  output: Store,
  job: string,
  attempt: number,
  signal?: AbortSignal,
  { first = 0, end = Number.POSITIVE_INFINITY }: { first?: number; end?: number } = {},
): Promise<(PartPlace & { isAnnounced: boolean })[]> {
  const announced = new Set<number>();
  const parts: number[] = [];
  // Of the parts before, the last mark sorts before the last part.
  const startAfter = first > 0 ? manifestPartKey(job, { attempt, part: first - 1 }) : undefined;
  const options = { ...(signal && { signal }), ...(startAfter !== undefined && { startAfter }) };
  for await (const { key } of output.list(manifestPrefix(job, attempt), options)) {
    const found = parsePartKey(key);
    if (found !== undefined && found.part >= end) break;
    if (found?.kind === 'announced') announced.add(found.part);
    if (found?.kind === 'part') parts.push(found.part);
  }
  return parts.map((part) => ({ attempt, part, isAnnounced: announced.has(part) }));
}

/**
 * The manifest entries of some images, in index order, in one array per part. Parts differ in size, so a binary search
 * finds the part of an image. Other parts without any of the images are not read.
 * @param ranges in index order.
 * @param load reads a part.
 * @throws {InvalidObjectError} when a part is not valid.
 */
export async function* readManifest(
  output: Store,
  { job, attempt }: { job: string; attempt: number },
  ranges: Iterable<IndexRange> | AsyncIterable<IndexRange>,
  signal: AbortSignal | undefined,
  load: (place: PartPlace) => Promise<ManifestEntry[]> = (place) => readPart(output, job, place, signal),
): AsyncGenerator<ManifestEntry[]> {
  const places = await listParts(output, job, attempt, signal);
  const parts = new Parts(places, load);
  let at = 0;
  for await (const { first, last } of ranges) {
    at = await parts.placeOf(first, at);
    for (let next = at; next < places.length && (await parts.firstOf(next)) <= last; next++) {
      at = next;
      const piece = (await parts.read(at)).filter(({ index }) => index >= first && index <= last);
      if (piece.length > 0) yield piece;
    }
  }
}

/** An attempt's manifest parts in index order. Caches the part that was read last. */
class Parts {
  readonly #places: readonly PartPlace[];
  readonly #load: (place: PartPlace) => Promise<ManifestEntry[]>;
  #firsts = new Map<number, number>();
  #last: { at: number; entries: ManifestEntry[] } | undefined;

  constructor(places: readonly PartPlace[], load: (place: PartPlace) => Promise<ManifestEntry[]>) {
    this.#places = places;
    this.#load = load;
  }

  /** Place of the last part, from place `from` on, that begins at `index` or before. `from` if there is none. */
  async placeOf(index: number, from: number): Promise<number> {
    let low = from;
    let high = this.#places.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((await this.firstOf(middle)) <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  async firstOf(at: number): Promise<number> {
    const known = this.#firsts.get(at);
    if (known !== undefined) return known;
    const first = (await this.read(at))[0]?.index ?? Number.POSITIVE_INFINITY;
    this.#firsts.set(at, first);
    return first;
  }

  async read(at: number): Promise<ManifestEntry[]> {
    if (this.#last?.at === at) return this.#last.entries;
    const place = this.#places[at];
    if (place === undefined) throw new RangeError(`No manifest part at place ${at}.`);
    const entries = await this.#load(place);
    this.#last = { at, entries };
    return entries;
  }
}
