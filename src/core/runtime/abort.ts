/** Calls `action` when the signal aborts, at once where it already has. Answers how to take that back. */
export function onAbort(signal: AbortSignal, action: () => void): () => void {
  if (signal.aborted) {
    action();
    return () => {};
  }
  signal.addEventListener('abort', action, { once: true });
  return () => signal.removeEventListener('abort', action);
}

/** Settles as the promise does, or rejects with the signal's reason when that comes first. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  let forget = () => {};
  const aborted = new Promise<never>((_, reject) => {
    forget = onAbort(signal, () => reject(signal.reason));
  });
  try {
    // What the promise comes to after the signal is nobody's concern: the race has seen to its rejection.
    return await Promise.race([promise, aborted]);
  } finally {
    forget();
  }
}
