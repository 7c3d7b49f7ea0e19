import { useEffect } from 'preact/hooks';

/** Calls again and again while the page is in front, each call after the end of the one before. */
export function usePolling(look: (signal: AbortSignal) => Promise<void>, everyMs: number): void {
  useEffect(() => {
    const closed = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isLooking = false;
    async function lookAgain() {
      clearTimeout(timer);
      if (isLooking || closed.signal.aborted || document.hidden) return;
      isLooking = true;
      await look(closed.signal);
      isLooking = false;
      if (!closed.signal.aborted) timer = setTimeout(lookAgain, everyMs);
    }
    void lookAgain();
    const { signal } = closed;
    document.addEventListener('visibilitychange', () => void lookAgain(), { signal });
    return () => {
      closed.abort();
      clearTimeout(timer);
    };
  }, []);
}
