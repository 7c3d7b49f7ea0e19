import type { Clock } from '../core/runtime/clock.ts';

/** Runs `work` with a signal that aborts, with the error, when the time is over. */
export async function withTimeLimit<T>(
  { clock, ms, error }: { clock: Pick<Clock, 'sleep'>; ms: number; error: () => Error },
  work: (late: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const done = new AbortController();
  void clock.sleep(ms, done.signal).then(() => late.abort(error()));
  try {
    return await work(late.signal);
  } finally {
    done.abort();
  }
}
