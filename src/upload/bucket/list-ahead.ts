import type { ListedObject, Store } from '../../core/cloud/ports.ts';
import { either } from '../../core/runtime/abort.ts';
import { KeySpan } from './key-span.ts';

/** Objects in a page: as many as S3 returns to a request. */
const PAGE = 1000;

/** Pages that are read ahead: at 100 ms a page 80,000 objects a second, more than a submitter announces. Some megabytes. */
const MAX_AHEAD = 8;

/** Pages overlap a little, because one that begins too late leaves a gap, which takes a request of its own. */
const PAGE_STEP = 0.9;

interface Page {
  objects: ListedObject[];
  /** There are no objects behind it. */
  isLast: boolean;
  /** Each key is behind the one before, and the first one behind the start. */
  isInOrder: boolean;
}

/** A page that is read before all keys before it are known. */
interface PageAhead {
  /** The page has all keys behind this one, up to its last one. */
  start: string;
  page: Promise<Page>;
}

/**
 * The objects below a prefix, in key order, each once. S3 gives a thousand keys a request, and the next request needs the
 * last one of them. So the beginnings of later pages are guessed from the keys so far. Guesses decide only how many requests
 * run at a time: a page has all keys from its beginning to its end, wherever that is. Not all servers list in key order (S3's
 * directory buckets do not): from the first page that is out of order, the rest is listed one page after the other.
 */
export async function* listAhead(
  store: Pick<Store, 'list'>,
  prefix: string,
  signal?: AbortSignal,
): AsyncGenerator<ListedObject> {
  const ended = new AbortController();
  const pages = new PagesAhead(store, prefix, either(signal, ended.signal));
  let cursor: string | undefined;
  try {
    for (;;) {
      const { objects, isLast, isInOrder } = await pages.take();
      const before: string | undefined = cursor;
      if (!isInOrder) return yield* store.list(prefix, listOptions(before, signal));
      const found = before === undefined ? objects : objects.filter(({ key }) => isBehind(key, before));
      cursor = found.at(-1)?.key ?? before;
      if (!isLast) pages.readAhead(objects, cursor ?? '');
      yield* found;
      if (isLast) return;
    }
  } finally {
    ended.abort();
  }
}

/** Begins more pages at a time after each good guess, and fewer after a bad one. */
class PagesAhead {
  readonly #store: Pick<Store, 'list'>;
  readonly #prefix: string;
  readonly #signal: AbortSignal | undefined;
  /** In key order. */
  #ahead: PageAhead[] = [];
  /** How many pages with a guessed beginning are read at a time. */
  #guesses = 0;

  constructor(store: Pick<Store, 'list'>, prefix: string, signal: AbortSignal | undefined) {
    this.#store = store;
    this.#prefix = prefix;
    this.#signal = signal;
  }

  /** The next page: the first one, or the one that `readAhead` has begun. */
  take(): Promise<Page> {
    return this.#ahead.shift()?.page ?? this.#read(undefined);
  }

  /**
   * Begins to read the page with the key that follows `cursor`, and some later ones.
   * @param objects those of the page before.
   */
  readAhead(objects: readonly ListedObject[], cursor: string): void {
    const middle = objects[objects.length >> 1]?.key ?? '';
    const isBegun = ({ start }: PageAhead) => !isBehind(start, cursor);
    const begun = this.#ahead.filter(isBegun);
    // The latest page has most keys behind the cursor. It should bring half a page at least.
    const next = begun.findLast(({ start }) => isBehind(start, middle));
    const wasted = begun.length - (next === undefined ? 0 : 1);
    if (wasted > 0) this.#guesses >>= wasted;
    else
      this.#guesses =
        next === undefined ? Math.max(1, this.#guesses) : Math.min(MAX_AHEAD, 2 * this.#guesses);
    this.#ahead = [next ?? this.#begin(cursor), ...this.#ahead.slice(begun.length)];
    const span = new KeySpan(
      objects.map(({ key }) => key),
      this.#prefix,
    );
    while (this.#ahead.length <= this.#guesses) {
      const start = span.after(this.#ahead.at(-1)?.start ?? cursor, PAGE_STEP);
      if (start === undefined) return;
      this.#ahead.push(this.#begin(start));
    }
  }

  #begin(start: string): PageAhead {
    const page = this.#read(start);
    // A rejection is handled when the page is taken.
    page.catch(() => {});
    return { start, page };
  }

  async #read(startAfter: string | undefined): Promise<Page> {
    const objects: ListedObject[] = [];
    let before = startAfter;
    let isInOrder = true;
    for await (const object of this.#store.list(this.#prefix, listOptions(startAfter, this.#signal))) {
      isInOrder &&= before === undefined || isBehind(object.key, before);
      before = object.key;
      objects.push(object);
      if (objects.length === PAGE) return { objects, isLast: false, isInOrder };
    }
    return { objects, isLast: true, isInOrder };
  }
}

const listOptions = (startAfter: string | undefined, signal: AbortSignal | undefined) => ({
  ...(startAfter !== undefined && { startAfter }),
  ...(signal && { signal }),
});

/** In the order of a store, that of UTF-8 bytes. */
const isBehind = (key: string, other: string): boolean =>
  Buffer.compare(Buffer.from(key), Buffer.from(other)) > 0;
