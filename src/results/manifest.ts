import { PoisonError } from '../core/errors.ts';
import { type ManifestEntry, manifestEntry } from '../core/job.ts';
import { manifestPrefix } from '../core/keys.ts';
import type { Store } from '../core/ports.ts';
import { parseVersioned } from '../core/versioned.ts';
import type { Span } from './coverage.ts';

/**
 * The manifest entries of some images, as runs of consecutive ones. Parts differ in size, so the one that holds an image
 * is searched for by halves; parts that hold none of the images are not read otherwise.
 * @param spans in index order.
 * @throws {PoisonError} when a part cannot be understood.
 */
export async function* readManifest(
  output: Store,
  job: string,
  spans: readonly Span[],
  signal: AbortSignal,
): AsyncGenerator<ManifestEntry[]> {
  const parts = new Parts(output, signal);
  await parts.list(job);
  let at = 0;
  for (const { first, last } of spans) {
    at = await parts.placeOf(first, at);
    for (let next = at; next < parts.count && (await parts.firstOf(next)) <= last; next++) {
      at = next;
      const run = (await parts.read(at)).filter(({ index }) => index >= first && index <= last);
      if (run.length > 0) yield run;
    }
  }
}

/** A job's manifest parts in index order; the last one that was read is kept. */
class Parts {
  readonly #output: Store;
  readonly #signal: AbortSignal;
  #keys: string[] = [];
  #firsts = new Map<number, number>();
  #last: { at: number; entries: ManifestEntry[] } | undefined;

  constructor(output: Store, signal: AbortSignal) {
    this.#output = output;
    this.#signal = signal;
  }

  get count(): number {
    return this.#keys.length;
  }

  async list(job: string): Promise<void> {
    for await (const { key } of this.#output.list(manifestPrefix(job), { signal: this.#signal }))
      if (key.endsWith('.ndjson')) this.#keys.push(key);
  }

  /** The last part, from place `from` on, that begins at `index` or before; `from` where none does. */
  async placeOf(index: number, from: number): Promise<number> {
    let low = from;
    let high = this.#keys.length - 1;
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
    const key = this.#keys[at];
    if (key === undefined) throw new RangeError(`There is no manifest part at place ${at}.`);
    const { body } = await this.#output.get(key, { signal: this.#signal });
    const lines = new TextDecoder().decode(body).split('\n');
    const entries = lines
      .filter((line) => line !== '')
      .map((line) => parseVersioned(manifestEntry, line, `manifest part ${key}`));
    if (entries.length === 0) throw new PoisonError(`The manifest part ${key} is empty.`);
    this.#last = { at, entries };
    return entries;
  }
}
