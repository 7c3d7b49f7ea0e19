import { useEffect } from 'preact/hooks';

/** Polls while the page is visible. Calls do not overlap. */
export function usePolling(poll: (signal: AbortSignal) => Promise<void>, intervalMs: number): void {
  useEffect(() => {
    const closed = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isPolling = false;
    async function pollOnce() {
      clearTimeout(timer);
      if (isPolling || closed.signal.aborted || document.hidden) return;
      isPolling = true;
      await poll(closed.signal);
      isPolling = false;
      if (!closed.signal.aborted) timer = setTimeout(pollOnce, intervalMs);
    }
    void pollOnce();
    const { signal } = closed;
    document.addEventListener('visibilitychange', () => void pollOnce(), { signal });
    return () => {
      closed.abort();
      clearTimeout(timer);
    };
  }, []);
}
