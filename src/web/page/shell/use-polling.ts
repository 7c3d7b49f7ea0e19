import { useEffect, useRef } from 'preact/hooks';

/** Polls while the page is visible. Calls do not overlap. @param poll that of the latest render is called. */
export function usePolling(poll: (signal: AbortSignal) => Promise<void>, intervalMs: number): void {
  const latest = useRef(poll);
  latest.current = poll;
  useEffect(() => {
    const closed = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isPolling = false;
    async function pollOnce() {
      clearTimeout(timer);
      if (isPolling || closed.signal.aborted || document.hidden) return;
      isPolling = true;
      await latest.current(closed.signal);
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
