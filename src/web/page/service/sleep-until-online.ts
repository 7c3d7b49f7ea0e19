/** Resolves after the time, or earlier when the browser is online again. @throws the signal's reason when it aborts */
export async function sleepUntilOnline(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const done = new AbortController();
    const timer = setTimeout(finish, ms);
    function finish() {
      clearTimeout(timer);
      done.abort();
      if (signal.aborted) reject(signal.reason);
      else resolve();
    }
    window.addEventListener('online', finish, { signal: done.signal });
    signal.addEventListener('abort', finish, { signal: done.signal });
  });
}
