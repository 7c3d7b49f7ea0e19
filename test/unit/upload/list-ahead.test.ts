import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/bench/random.ts';
import type { ListedObject, Store } from '../../../src/core/cloud/ports.ts';
import { listAhead } from '../../../src/upload/bucket/list-ahead.ts';

const PAGE = 1000;
const compare = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** A bucket that answers all requests that were made at a time in one round. */
function bucketOf(keys: readonly string[]) {
  const sorted = [...keys].sort(compare);
  let waiting: (() => void)[] = [];
  const asked = { requests: 0, rounds: 0 };
  const answered = () =>
    new Promise<void>((resolve) => {
      asked.requests++;
      if (waiting.push(resolve) > 1) return;
      setImmediate(() => {
        asked.rounds++;
        const answer = waiting;
        waiting = [];
        for (const one of answer) one();
      });
    });
  const placeBehind = (key: string) => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(sorted[middle] ?? '', key) > 0) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  async function* list(prefix: string, { startAfter = '' } = {}): AsyncGenerator<ListedObject> {
    const from = compare(startAfter, prefix) < 0 ? sorted.findIndex((key) => key.startsWith(prefix)) : -1;
    let at = from < 0 ? placeBehind(startAfter) : from;
    do {
      await answered();
      for (const end = at + PAGE; at < end; at++) {
        const key = sorted[at];
        if (key === undefined || !key.startsWith(prefix)) return;
        yield { key, etag: '"1"', bytes: 1, modifiedAtMs: 0 };
      }
    } while (at < sorted.length);
  }
  return { asked, sorted, store: { list } as Pick<Store, 'list'> };
}

/** Lists the keys, and compares them with those that the bucket has. */
async function listed(keys: readonly string[]) {
  const { asked, sorted, store } = bucketOf(keys);
  const found = await Array.fromAsync(listAhead(store, 'photos/'), ({ key }) => key);
  expect(found).toEqual(sorted.filter((key) => key.startsWith('photos/')));
  return asked;
}

const PAGES = 20;
const keysOf = (nameOf: (n: number) => string) => Array.from({ length: PAGES * PAGE }, (_, n) => nameOf(n));
const digits = (n: number, width: number) => String(n).padStart(width, '0');
const random = new Random(7);
const hex = (length: number) => Array.from({ length }, () => random.below(16).toString(16)).join('');

describe('a listing that reads ahead', () => {
  it.each([
    ['numbers', keysOf((n) => `photos/IMG_${digits(n, 7)}.jpg`)],
    ['digests', keysOf(() => `photos/${hex(32)}.jpg`)],
    ['UUIDs of folders', keysOf(() => `photos/${hex(8)}-${hex(4)}/photo.jpg`)],
  ])('has each key once and in order, and waits less than half as often, for %s', async (_, keys) => {
    const { requests, rounds } = await listed(keys);
    expect(rounds).toBeLessThan(PAGES / 2);
    expect(requests, 'it also asks for pages behind the last key').toBeLessThan(PAGES + 2 * 8);
  });

  it.each([
    ['names', keysOf((n) => `photos/${['ant', 'bee', 'cat'][n % 3]}-${n % 7}/${n}-${hex(6)}.jpg`)],
    ['words', keysOf((n) => `photos/${['é', '\u{1F600}', '\uFFFD', 'z'][n % 4]} ${n * n} of ${n}.jpg`)],
    ['days', keysOf((n) => `photos/2024/${digits(n % 12, 2)}/${digits(n % 28, 2)}/${n}.jpg`)],
    ['the prefix itself', ['photos/', ...keysOf((n) => `photos/${n % 2 === 0 ? 'x' : 'y'}${n}`)]],
    ['other prefixes', keysOf((n) => `${['photo', 'photos/', 'photoz/'][n % 3]}${digits(n, 5)}`)],
  ])('has each key once and in order, with few requests more, for %s', async (_, keys) => {
    const { requests } = await listed(keys);
    expect(requests).toBeLessThan(2 * PAGES);
  });

  it.each([
    ['in an order of its own', (key: string) => [...key].reverse().join('')],
    ['a folder before names that begin like it', (key: string) => key.replaceAll('/', '\0')],
  ])('has each key once of a server that lists %s', async (_, rankOf) => {
    const keys = keysOf((n) => `photos/a${n % 3 === 0 ? `/${n}` : `${'-.'[n % 2]}${n}`}`);
    const listed = keys.toSorted((a, b) => compare(rankOf(a), rankOf(b)));
    const list: Store['list'] = async function* (_prefix, { startAfter = '' } = {}) {
      for (const key of listed)
        if (compare(rankOf(key), rankOf(startAfter)) > 0)
          yield { key, etag: '"1"', bytes: 1, modifiedAtMs: 0 };
    };
    expect(await Array.fromAsync(listAhead({ list }, 'photos/'), ({ key }) => key)).toEqual(listed);
  });

  it('makes one request for a page', async () => {
    expect(await listed(['photos/1.jpg', 'photos/2.jpg', 'z/3.jpg'])).toEqual({ requests: 1, rounds: 1 });
  });

  it('ends the requests ahead when its reader ends', async () => {
    const signals: (AbortSignal | undefined)[] = [];
    const keys = keysOf((n) => `photos/${digits(n, 7)}`);
    const { store } = bucketOf(keys);
    const list: Store['list'] = (prefix, options) => {
      signals.push(options?.signal);
      return store.list(prefix, options);
    };
    for await (const { key } of listAhead({ list }, 'photos/')) if (key === keys[5 * PAGE]) break;
    expect(signals.length).toBeGreaterThan(6);
    expect(signals.every((signal) => signal?.aborted)).toBe(true);
  });

  it('throws what a request ahead throws', async () => {
    const { store } = bucketOf(keysOf((n) => `photos/${digits(n, 7)}`));
    let requests = 0;
    const list: Store['list'] = (prefix, options) => {
      if (++requests === 5) throw new Error('denied');
      return store.list(prefix, options);
    };
    await expect(Array.fromAsync(listAhead({ list }, 'photos/'))).rejects.toThrow('denied');
  });
});
