import type { Clock } from './clock.ts';

/** Calls `action` when the signal aborts, at once if it already has. @returns a function that removes the listener. */
export function onAbort(signal: AbortSignal, action: () => void): () => void {
  if (signal.aborted) {
    action();
    return () => {};
  }
  signal.addEventListener('abort', action, { once: true });
  return () => signal.removeEventListener('abort', action);
}

/** A signal that aborts when one of the two does. */
export function either(
  one: AbortSignal | undefined,
  other: AbortSignal | undefined,
): AbortSignal | undefined {
  if (one === undefined || one === other) return other;
  return other === undefined ? one : AbortSignal.any([one, other]);
}

/** Settles as the promise does, or rejects with the signal's reason if the signal aborts first. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  let removeListener = () => {};
  const aborted = new Promise<never>((_, reject) => {
    removeListener = onAbort(signal, () => reject(signal.reason));
  });
  try {
    // The race also handles a rejection of the promise after the abort.
    return await Promise.race([promise, aborted]);
  } finally {
    removeListener();
  }
}

/** Runs `work` with a signal that aborts, with the error, when the time is over. */
export async function withTimeLimit<T>(
  { clock, ms, error }: { clock: Pick<Clock, 'sleep'>; ms: number; error: () => Error },
  work: (late: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const done = new AbortController();
  void clock.sleep(ms, done.signal).then(() => {
    // What the work has opened may be in use after it.
    if (!done.signal.aborted) late.abort(error());
  });
  try {
    return await work(late.signal);
  } finally {
    done.abort();
  }
}
