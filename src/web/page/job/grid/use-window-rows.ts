import type { RefObject } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';

/** Rows rendered above and below the window, so that fast scrolling shows no gap. */
const OVERSCAN_ROWS = 4;
/** What lies above the list while it scrolls: the header and the toolbar. */
const COVERED_PX = 132;
const EDGE_PX = 16;

interface Rows {
  count: number;
  rowPx: number;
  /** A row that is always rendered, because the focus may be in it. */
  keptRow: number;
}

interface Range {
  first: number;
  last: number;
}

interface WindowRows {
  /** Rows to render, in order. */
  rows: number[];
  /** Whether no part of the row is in the window. */
  isOutside(row: number): boolean;
  /** Scrolls no further than needed to show the row. */
  reveal(row: number): void;
}

/** Renders only the rows near the window. All have the same height, and the list scrolls with the page. */
export function useWindowRows(
  list: RefObject<HTMLElement | null>,
  { count, rowPx, keptRow }: Rows,
): WindowRows {
  const [seen, setSeen] = useState<Range>(() => ({ first: 0, last: Math.floor(window.innerHeight / rowPx) }));
  useLayoutEffect(() => {
    const look = () => {
      const topPx = list.current?.getBoundingClientRect().top ?? 0;
      const first = Math.floor(-topPx / rowPx);
      const last = Math.floor((window.innerHeight - topPx) / rowPx);
      setSeen((before) => (before.first === first && before.last === last ? before : { first, last }));
    };
    look();
    const closed = new AbortController();
    const options = { signal: closed.signal, passive: true };
    window.addEventListener('scroll', look, options);
    window.addEventListener('resize', look, options);
    // What is above the list may grow or shrink.
    const observer = new ResizeObserver(look);
    observer.observe(document.body);
    return () => {
      closed.abort();
      observer.disconnect();
    };
  }, [list, rowPx, count]);

  const first = Math.max(0, seen.first - OVERSCAN_ROWS);
  const last = Math.min(count - 1, seen.last + OVERSCAN_ROWS);
  const rows = Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => first + at);
  if (keptRow < first && keptRow >= 0 && keptRow < count) rows.unshift(keptRow);
  if (keptRow > last && keptRow < count) rows.push(keptRow);
  return {
    rows,
    isOutside: (row) => row < seen.first || row > seen.last,
    reveal(row) {
      const topPx = (list.current?.getBoundingClientRect().top ?? 0) + row * rowPx;
      const above = Math.min(0, topPx - COVERED_PX);
      const below = Math.max(0, topPx + rowPx - window.innerHeight + EDGE_PX);
      if (above < 0 || below > 0) window.scrollBy(0, above < 0 ? above : below);
    },
  };
}
