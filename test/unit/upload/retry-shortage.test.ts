import { describe, expect, it } from 'vitest';
import { isTransient } from '../../../src/core/runtime/errors.ts';
import { retryShortage } from '../../../src/upload/retry-shortage.ts';
import { virtualClock } from '../virtual-clock.ts';

const fault = (code: string) => Object.assign(new Error(`${code}: scandir 'photos'`), { code });

/** Fails with these codes, one after the other, then succeeds. */
function failing(...codes: string[]) {
  const left = [...codes];
  return async () => {
    const code = left.shift();
    if (code !== undefined) throw fault(code);
    return 'read';
  };
}

describe('a folder or file that cannot be read', () => {
  const clock = virtualClock();
  const retried: string[] = [];
  const tools = {
    clock,
    random: () => 0.5,
    onTransient: (error: unknown) => void retried.push(String((error as Error).message)),
  };

  it('is read again while the machine lacks descriptors or memory', async () => {
    const codes = ['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM'];
    expect(await retryShortage('photos', failing(...codes), tools)).toBe('read');
    expect(retried).toHaveLength(codes.length);
    expect(retried[0]).toBe('Cannot read photos: too many files are open in this process.');
  });

  it('ends the command with advice if the machine still lacks them after half a minute', async () => {
    const startMs = clock.nowMs();
    const error = await retryShortage('photos', failing(...Array(1000).fill('EMFILE')), tools).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ hint: expect.stringContaining('ulimit -n') });
    expect(isTransient(error)).toBe(true);
    expect(clock.nowMs() - startMs).toBeGreaterThan(20_000);
    expect(clock.nowMs() - startMs).toBeLessThan(60_000);
  });

  it('is not read again if its permissions forbid it', async () => {
    await expect(retryShortage('photos', failing('EACCES'), tools)).rejects.toThrow(/EACCES/);
  });
});
