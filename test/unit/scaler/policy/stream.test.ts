import { describe, expect, it } from 'vitest';
import { streamLoad } from '../../../../src/scaler/policy/stream.ts';

/** A job of 25 s for one machine at each of these times ago, in seconds. */
const jobs = (...agosS: readonly number[]) => agosS.map((agoS) => ({ agoMs: 1000 * agoS, workMs: 25_000 }));
const every = (seconds: number, count: number) =>
  jobs(...Array.from({ length: count }, (_, at) => seconds * (count - 1 - at)));

describe('the load of a stream', () => {
  it('is how many machines it keeps busy', () => {
    expect(streamLoad(every(5, 18))).toBeCloseTo(5, 6);
    expect(streamLoad(every(20, 10))).toBeCloseTo(1.25, 6);
  });
  it('is nothing after one job, or after some at once', () => {
    expect(streamLoad(jobs(0))).toBe(0);
    expect(streamLoad(jobs(35, 33, 30, 28, 25, 24))).toBe(0);
  });
  it('is nothing when work pauses', () => {
    expect(streamLoad(every(5, 18).map(({ agoMs, workMs }) => ({ agoMs: agoMs + 31_000, workMs })))).toBe(0);
  });
  it('does not count one large job among small ones', () => {
    const stream = every(5, 18).map((job, at) => (at === 12 ? { ...job, workMs: 1e9 } : job));
    expect(streamLoad(stream)).toBeCloseTo(5, 6);
  });
  it('is nothing if work arrives every few minutes', () => {
    expect(streamLoad(every(100, 10))).toBe(0);
  });
});
