import { describe, expect, it } from 'vitest';
import { type ControllerSession, RenewedSession } from '../../../src/client/controller-session.ts';

/** Sessions that fail and end when the test says so. */
function setUp() {
  const begun: { fail(): void; end(): void; session: ControllerSession; left: number }[] = [];
  const workers = new RenewedSession(() => {
    const failed = new AbortController();
    const ended = Promise.withResolvers<void>();
    const one = {
      fail: () => failed.abort(new Error('Cannot start a worker.')),
      end: ended.resolve,
      left: 0,
      session: {
        failed: failed.signal,
        leave: async () => {
          one.left++;
          await ended.promise;
        },
      },
    };
    begun.push(one);
    return one.session;
  });
  return { begun, workers };
}

describe('the workers of a client that lives long', () => {
  it('are those of one session while it works, also for calls at the same time', async () => {
    const { begun, workers } = setUp();
    const sessions = await Promise.all([workers.join(), workers.join()]);
    expect(sessions).toEqual([begun[0]?.session, begun[0]?.session]);
    expect(begun).toHaveLength(1);
  });

  it('begin anew after a failure, once the failed session has ended', async () => {
    const { begun, workers } = setUp();
    await workers.join();
    begun[0]?.fail();
    const joined = Promise.all([workers.join(), workers.join()]);
    await new Promise(setImmediate);
    expect(begun).toHaveLength(1);
    begun[0]?.end();
    expect(await joined).toEqual([begun[1]?.session, begun[1]?.session]);
    expect(begun.map(({ left }) => left)).toEqual([1, 0]);
    begun[1]?.end();
    await workers.leave();
    expect(begun.map(({ left }) => left)).toEqual([1, 1]);
  });

  it('do not begin only to be left', async () => {
    const { begun, workers } = setUp();
    await workers.leave();
    expect(begun).toEqual([]);
  });
});
