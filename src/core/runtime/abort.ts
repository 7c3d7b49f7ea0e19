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
