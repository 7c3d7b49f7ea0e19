import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/app/system-clock.ts';
import { Turns } from '../../../src/web/turns.ts';

const never = new AbortController().signal;

describe('the turns of a caller', () => {
  const turns = new Turns({ atATime: 1, timeoutMs: 20, clock: systemClock });

  it('end with 504 for an image whose earlier ones take all of the time', async () => {
    const gate = Promise.withResolvers<string>();
    const first = turns.run('a', never, () => gate.promise);
    await expect(turns.run('a', never, async () => 'second')).rejects.toMatchObject({ status: 504 });
    expect(await turns.run('b', never, async () => 'another caller')).toBe('another caller');
    gate.resolve('first');
    expect(await first).toBe('first');
    expect(await turns.run('a', never, async () => 'third')).toBe('third');
  });

  it('go to the next image if one fails, and tell the time that is left', async () => {
    const failed = turns.run('a', never, () => Promise.reject(new Error('Broken.')));
    const next = turns.run('a', never, async (leftMs) => leftMs());
    await expect(failed).rejects.toThrow('Broken.');
    expect(await next).toBeLessThanOrEqual(20);
  });
});
