/** The contract of Store (core/cloud/ports.ts), run against each adapter. */
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Store } from '../../src/core/cloud/ports.ts';
import {
  ObjectDamagedError,
  ObjectMissingError,
  PreconditionFailedError,
} from '../../src/core/runtime/errors.ts';

export interface StoreUnderTest {
  /** An empty bucket. */
  store: Store;
  /** The same bucket through a connection of its own. */
  second?: () => Promise<Store>;
  release(): Promise<void>;
}

const bytes = (text: string): Uint8Array => Buffer.from(text);
const text = (body: Uint8Array): string => Buffer.from(body).toString();
const sha256 = (body: Uint8Array): string => createHash('sha256').update(body).digest('hex');

async function keysOf(store: Store, prefix: string, startAfter?: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix, startAfter === undefined ? {} : { startAfter }))
    keys.push(key);
  return keys;
}

/** A stream body that delivers `data` in pieces, regardless of its declared length. */
const streamed = (data: Uint8Array, declared = data.byteLength) => ({
  bytes: declared,
  open: () =>
    Readable.from(
      (function* () {
        for (let at = 0; at < data.byteLength; at += 65_536) yield data.subarray(at, at + 65_536);
      })(),
      { objectMode: false },
    ),
});

export function describeStore(name: string, makeStore: () => Promise<StoreUnderTest>): void {
  describe(`${name}: store`, () => {
    let made: StoreUnderTest;
    let store: Store;
    beforeEach(async () => {
      made = await makeStore();
      store = made.store;
    });
    afterEach(() => made.release());

    describe('reading and writing', () => {
      it.each([
        ['nothing', 0],
        ['one byte', 1],
        ['a job record', 2_000],
        ['a photo', 100_000],
        ['several megabytes', 3_000_000],
      ])('stores and returns %s unchanged', async (_what, size) => {
        const body = randomBytes(size);
        const put = await store.put('a/key', body);
        expect(put.bytes).toBe(size);
        const got = await store.get('a/key');
        expect(sha256(got.body)).toBe(sha256(body));
        expect(got.info).toMatchObject({ etag: put.etag, bytes: size });
        const stream = await store.getStream('a/key');
        expect(stream.info).toMatchObject({ etag: put.etag, bytes: size });
        expect(sha256(await buffer(stream.body))).toBe(sha256(body));
      });

      it.each([
        ['in the database of one machine', 3000],
        ['in a file of one machine', 100_000],
      ])('returns a part of an object that is %s', async (_where, size) => {
        const body = randomBytes(size);
        await store.put('a/key', body);
        const part = async (offset: number, length: number) => {
          const { info, body } = await store.getStream('a/key', { range: { offset, length } });
          return { bytes: info.bytes, body: await buffer(body) };
        };
        expect(await part(0, size)).toEqual({ bytes: size, body });
        expect(await part(1000, 500)).toEqual({ bytes: 500, body: body.subarray(1000, 1500) });
        expect(await part(size - 1, 500), 'to its end').toEqual({ bytes: 1, body: body.subarray(-1) });
        await expect(part(size, 1)).rejects.toThrow(ObjectDamagedError);
      });

      it('returns size, version and time of an object without its content', async () => {
        const before = Date.now();
        const put = await store.put('a/key', bytes('hello'));
        const info = await store.head('a/key');
        expect(info).toMatchObject({ etag: put.etag, bytes: 5 });
        // S3 keeps whole seconds, and its clock is not ours.
        expect(Math.abs((info?.modifiedAtMs ?? 0) - before)).toBeLessThan(60_000);
      });

      it('reports a missing object', async () => {
        expect(await store.head('nothing')).toBeUndefined();
        await expect(store.get('nothing')).rejects.toThrow(ObjectMissingError);
        await expect(store.getStream('nothing')).rejects.toThrow(ObjectMissingError);
      });

      it('replaces an object atomically, and gives it a new version', async () => {
        const first = await store.put('a/key', randomBytes(80_000));
        const second = await store.put('a/key', bytes('short'));
        expect(second.etag).not.toBe(first.etag);
        const got = await store.get('a/key');
        expect(text(got.body)).toBe('short');
        expect(got.info.etag).toBe(second.etag);
      });

      it('copies the buffer: later changes by the caller have no effect', async () => {
        const body = Buffer.from('as it was');
        await store.put('a/key', body);
        body.fill('x');
        expect(text((await store.get('a/key')).body)).toBe('as it was');
      });

      it.each([
        'with space',
        'plus+and&more=1?#%41',
        'quote\'"<>',
        'ü/日本/😀',
        `long/${'x'.repeat(1_019)}`,
        'images/%_/x',
      ])('accepts the key %j unchanged', async (key) => {
        await store.put(key, bytes(key));
        expect(text((await store.get(key)).body)).toBe(key);
        expect(await keysOf(store, '')).toEqual([key]);
        await store.delete([key]);
        expect(await store.head(key)).toBeUndefined();
      });

      it('shows a write to every reader at once', async () => {
        if (made.second === undefined) return;
        const other = await made.second();
        const etags: string[] = [];
        for (const word of ['one', 'two', 'three']) {
          etags.push((await store.put('a/key', bytes(word))).etag);
          expect(text((await other.get('a/key')).body)).toBe(word);
          expect(await keysOf(other, 'a/')).toEqual(['a/key']);
        }
        expect(new Set(etags).size).toBe(3);
        await other.delete(['a/key']);
        expect(await store.head('a/key')).toBeUndefined();
      });
    });

    describe('streams', () => {
      it('stores a stream of known length', async () => {
        const body = randomBytes(1_000_000);
        const put = await store.put('big', streamed(body));
        expect(put.bytes).toBe(body.byteLength);
        expect(sha256((await store.get('big')).body)).toBe(sha256(body));
      });

      it('stores a short stream and an empty one', async () => {
        await store.put('short', streamed(bytes('few bytes')));
        await store.put('empty', streamed(bytes('')));
        expect(text((await store.get('short')).body)).toBe('few bytes');
        expect((await store.get('empty')).body.byteLength).toBe(0);
      });

      it('does not change the object when the stream fails', async () => {
        await store.put('key', bytes('before'));
        const breaking = {
          bytes: 200_000,
          open: () =>
            Readable.from(
              (function* () {
                yield Buffer.alloc(100_000);
                throw new Error('the disk was pulled');
              })(),
              { objectMode: false },
            ),
        };
        await expect(store.put('key', breaking)).rejects.toThrow();
        await expect(store.put('other', breaking)).rejects.toThrow();
        expect(text((await store.get('key')).body)).toBe('before');
        expect(await keysOf(store, '')).toEqual(['key']);
      });

      it('refuses a stream that is shorter than declared, and stores nothing', async () => {
        await expect(store.put('key', streamed(randomBytes(70_000), 140_000))).rejects.toThrow();
        expect(await store.head('key')).toBeUndefined();
      });

      it('lets a reader stop half way', async () => {
        const body = randomBytes(2_000_000);
        await store.put('big', body);
        const { body: stream } = await store.getStream('big');
        for await (const _chunk of stream) break;
        expect(stream.destroyed).toBe(true);
        expect(sha256((await store.get('big')).body)).toBe(sha256(body));
      });

      it('lets a reader finish a version that is replaced meanwhile', async () => {
        const body = randomBytes(400_000);
        await store.put('big', body);
        const { body: stream } = await store.getStream('big');
        await store.put('big', bytes('replaced'));
        expect(sha256(await buffer(stream))).toBe(sha256(body));
      });
    });

    describe('conditions', () => {
      it('creates an object only if it is absent: the first writer wins', async () => {
        const first = await store.put('key', bytes('first'), { only: 'absent' });
        await expect(store.put('key', bytes('second'), { only: 'absent' })).rejects.toThrow(
          PreconditionFailedError,
        );
        const got = await store.get('key');
        expect(text(got.body)).toBe('first');
        expect(got.info.etag).toBe(first.etag);
        await store.delete(['key']);
        await store.put('key', bytes('third'), { only: 'absent' });
      });

      it('replaces only the given version', async () => {
        const one = await store.put('key', bytes('one'));
        const two = await store.put('key', bytes('two'), { only: { etag: one.etag } });
        await expect(store.put('key', bytes('late'), { only: { etag: one.etag } })).rejects.toThrow(
          PreconditionFailedError,
        );
        expect(text((await store.get('key')).body)).toBe('two');
        await store.put('key', bytes('three'), { only: { etag: two.etag } });
        expect(text((await store.get('key')).body)).toBe('three');
      });

      it('does not replace a deleted version', async () => {
        const one = await store.put('key', bytes('one'));
        await store.delete(['key']);
        await expect(store.put('key', bytes('late'), { only: { etag: one.etag } })).rejects.toThrow(
          PreconditionFailedError,
        );
        expect(await store.head('key')).toBeUndefined();
      });

      it('applies conditions to large and to streamed bodies', async () => {
        const one = await store.put('key', randomBytes(90_000), { only: 'absent' });
        await expect(store.put('key', streamed(randomBytes(90_000)), { only: 'absent' })).rejects.toThrow(
          PreconditionFailedError,
        );
        const body = randomBytes(90_000);
        await store.put('key', streamed(body), { only: { etag: one.etag } });
        expect(sha256((await store.get('key')).body)).toBe(sha256(body));
      });

      it('reads only the given version', async () => {
        const one = await store.put('key', bytes('one'));
        expect(text((await store.get('key', { ifMatch: one.etag })).body)).toBe('one');
        await store.put('key', bytes('two'));
        await expect(store.get('key', { ifMatch: one.etag })).rejects.toThrow(PreconditionFailedError);
        await expect(store.getStream('key', { ifMatch: one.etag })).rejects.toThrow(PreconditionFailedError);
        await store.delete(['key']);
        await expect(store.get('key', { ifMatch: one.etag })).rejects.toThrow(ObjectMissingError);
      });
    });

    describe('refresh', () => {
      it('renews the time of an object without changing its content', async () => {
        const body = randomBytes(50_000);
        await store.put('key', body);
        const before = await store.head('key');
        await store.refresh('key');
        const after = await store.get('key');
        expect(sha256(after.body)).toBe(sha256(body));
        expect(after.info.modifiedAtMs).toBeGreaterThanOrEqual(before?.modifiedAtMs ?? Infinity);
      });

      it('reports a missing object', async () => {
        await expect(store.refresh('nothing')).rejects.toThrow(ObjectMissingError);
      });
    });

    describe('listing', () => {
      it('lists by prefix in the order of UTF-8 bytes', async () => {
        // U+FFEE sorts before U+1F600 in UTF-8, after it in UTF-16.
        const keys = ['B', 'a', 'a/', 'a/1', 'a/10', 'a/2', 'a0', 'é', '\uffee', '😀'];
        for (const key of keys.toReversed()) await store.put(key, bytes(key));
        expect(await keysOf(store, '')).toEqual(keys);
        expect(await keysOf(store, 'a/')).toEqual(['a/', 'a/1', 'a/10', 'a/2']);
        expect(await keysOf(store, 'a/1')).toEqual(['a/1', 'a/10']);
        expect(await keysOf(store, 'nothing')).toEqual([]);
      });

      it('starts after a key, even if it does not exist', async () => {
        for (const key of ['p/1', 'p/3', 'p/5', 'q/1']) await store.put(key, bytes(key));
        expect(await keysOf(store, 'p/', 'p/3')).toEqual(['p/5']);
        expect(await keysOf(store, 'p/', 'p/2')).toEqual(['p/3', 'p/5']);
        expect(await keysOf(store, 'p/', 'p/5')).toEqual([]);
        expect(await keysOf(store, 'p/', 'a')).toEqual(['p/1', 'p/3', 'p/5']);
      });

      it('treats a prefix as plain text', async () => {
        for (const key of ['a%/x', 'ab/x', 'a_/x', 'a*/x']) await store.put(key, bytes(key));
        expect(await keysOf(store, 'a%')).toEqual(['a%/x']);
        expect(await keysOf(store, 'a_')).toEqual(['a_/x']);
        expect(await keysOf(store, 'a*')).toEqual(['a*/x']);
      });

      it('lists each folder below a prefix once', async () => {
        const keys = [
          'jobs/a/1',
          'jobs/a/2/3',
          'jobs/a b+%/1',
          'jobs/a-/1',
          'jobs/ü/日本/1',
          'jobs/alone',
          'jobsother/x/1',
        ];
        for (const key of keys) await store.put(key, bytes('x'));
        const folders = async (prefix: string) => (await Array.fromAsync(store.listFolders(prefix))).sort();
        expect(await folders('jobs/')).toEqual(['a', 'a b+%', 'a-', 'ü']);
        expect(await folders('jobs/a/')).toEqual(['2']);
        expect(await folders('jobs/ü/')).toEqual(['日本']);
        expect(await folders('nothing/')).toEqual([]);
        expect(await folders('')).toEqual(['jobs', 'jobsother']);
      });

      it('lists folders in the order of their keys, over many pages', async () => {
        const names = Array.from({ length: 1100 }, (_, index) => String(index).padStart(4, '0'));
        for (let at = 0; at < names.length; at += 50) {
          await Promise.all(names.slice(at, at + 50).map((name) => store.put(`many/${name}/x`, bytes('x'))));
        }
        expect(await Array.fromAsync(store.listFolders('many/'))).toEqual(names);
        await store.delete(names.map((name) => `many/${name}/x`));
      });

      it('lists size and version of objects', async () => {
        const put = await store.put('key', bytes('hello'));
        const listed = await Array.fromAsync(store.list('k'));
        expect(listed).toHaveLength(1);
        expect(listed[0]).toMatchObject({ key: 'key', etag: put.etag, bytes: 5 });
        expect(Math.abs((listed[0]?.modifiedAtMs ?? 0) - Date.now())).toBeLessThan(60_000);
      });

      it('lists and deletes more objects than fit on a page, and continues while they are deleted', async () => {
        const keys = Array.from({ length: 1_101 }, (_, n) => `many/${String(n).padStart(5, '0')}`);
        for (let at = 0; at < keys.length; at += 50) {
          await Promise.all(keys.slice(at, at + 50).map((key) => store.put(key, bytes(key))));
        }
        await store.put('other', bytes('stays'));
        expect(await keysOf(store, 'many/')).toEqual(keys);
        const seen: string[] = [];
        for await (const { key } of store.list('many/')) {
          seen.push(key);
          if (seen.length % 200 === 0) await store.delete(seen.slice(-200));
        }
        expect(seen).toEqual(keys);
        await store.delete([...keys, 'never/there']);
        expect(await keysOf(store, '')).toEqual(['other']);
      });

      it('deletes nothing without keys', async () => {
        await store.put('key', bytes('stays'));
        await store.delete([]);
        expect(await keysOf(store, '')).toEqual(['key']);
      });
    });

    it('does nothing after the caller has aborted', async () => {
      await store.put('key', bytes('before'));
      const signal = AbortSignal.abort();
      await expect(store.head('key', signal)).rejects.toThrow();
      await expect(store.get('key', { signal })).rejects.toThrow();
      await expect(store.getStream('key', { signal })).rejects.toThrow();
      await expect(store.put('key', bytes('after'), { signal })).rejects.toThrow();
      await expect(store.refresh('key', signal)).rejects.toThrow();
      await expect(store.delete(['key'], signal)).rejects.toThrow();
      await expect(Array.fromAsync(store.list('', { signal }))).rejects.toThrow();
      expect(text((await store.get('key')).body)).toBe('before');
    });
  });
}
