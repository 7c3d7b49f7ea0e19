import { describe, expect, it, vi } from 'vitest';
import type { Cloud } from '../../../src/core/cloud/ports.ts';
import type { JobRecord } from '../../../src/core/job/job.ts';
import { onAbort } from '../../../src/core/runtime/abort.ts';
import type { Input } from '../../../src/upload/inputs.ts';
import { MAX_JOB_IMAGES } from '../../../src/upload/plan.ts';
import { uploadImages } from '../../../src/upload/submit.ts';
import { virtualClock } from '../virtual-clock.ts';

const MIB = 1024 * 1024;

describe('an upload', () => {
  it('ends before an index that the key of a shard cannot hold', async () => {
    async function* inputs(): AsyncGenerator<Input> {
      yield { kind: 'file', name: 'a.jpg', path: '/nowhere/a.jpg' } as unknown as Input;
    }
    const upload = uploadImages(inputs(), {
      cloud: { output: {} } as Cloud,
      job: { id: '01ARZ3NDEKTSV4RRFFQ69G5FAV', attempt: 1 } as JobRecord,
      before: { images: MAX_JOB_IMAGES, parts: 976_563 },
      concurrency: 1,
      maxImageBytes: 1,
      clock: virtualClock(),
      random: Math.random,
    });
    await expect(upload).rejects.toMatchObject({
      kind: 'permanent',
      message: expect.stringContaining('1,000,000,000 images'),
      hint: expect.stringContaining('a job of their own'),
    });
  });

  it('takes no more photographs of a program than a few packs while the store is slow', async () => {
    const bytes = new Uint8Array(3 * MIB);
    let taken = 0;
    async function* photographs(): AsyncGenerator<Input> {
      for (;;) yield { kind: 'bytes', name: `${taken++}.jpg`, source: 'camera', bytes };
    }
    const ended = new AbortController();
    const stalled = new Promise<never>((_, reject) => {
      ended.signal.addEventListener('abort', () => reject(ended.signal.reason));
    });
    let puts = 0;
    const put = () => {
      puts++;
      return stalled;
    };
    const upload = uploadImages(photographs(), {
      cloud: { kind: 'aws', input: { bucket: 'photos', put }, output: {} } as unknown as Cloud,
      job: { id: '01ARZ3NDEKTSV4RRFFQ69G5FAV', attempt: 1 } as JobRecord,
      before: { images: 496, parts: 4 },
      concurrency: 16,
      maxImageBytes: 100 * MIB,
      // No time passes: groups are not cut short.
      clock: { ...virtualClock(), sleep: () => stalled },
      random: Math.random,
      signal: ended.signal,
    });
    await vi.waitFor(() => expect(puts).toBe(4));
    expect(taken).toBeLessThan(20);
    ended.abort(new Error('enough'));
    await expect(upload).rejects.toThrow('enough');
  });

  it('that fails does not wait for images that are still being fetched or stored', async () => {
    const error = { code: 'missing', message: 'Gone.' } as const;
    async function* photographs(): AsyncGenerator<Input> {
      for (let index = 0; index < 16; index++)
        yield { kind: 'unreadable', name: `${index}.jpg`, source: 'camera', error };
      yield { kind: 'bytes', name: '16.jpg', source: 'camera', bytes: new Uint8Array(3 * MIB) };
    }
    const asked = Promise.withResolvers<void>();
    const untilAborted = (_key: string, _body: unknown, { signal }: { signal: AbortSignal }) => {
      asked.resolve();
      return new Promise<never>((_, reject) => onAbort(signal, () => reject(signal.reason)));
    };
    const output = {
      async put() {
        await asked.promise;
        throw new Error('The manifest cannot be written.');
      },
    };
    const upload = uploadImages(photographs(), {
      cloud: { kind: 'aws', input: { bucket: 'photos', put: untilAborted }, output } as unknown as Cloud,
      job: { id: '01ARZ3NDEKTSV4RRFFQ69G5FAV', attempt: 1 } as JobRecord,
      before: { images: 0, parts: 0 },
      concurrency: 16,
      maxImageBytes: 100 * MIB,
      // No time passes: parts are not cut short.
      clock: { ...virtualClock(), sleep: () => new Promise(() => {}) },
      random: Math.random,
    });
    await expect(upload).rejects.toThrow('The manifest cannot be written.');
  });
});
