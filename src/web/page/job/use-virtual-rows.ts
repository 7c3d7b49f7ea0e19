import {
  defaultRangeExtractor,
  observeWindowOffset,
  observeWindowRect,
  type VirtualItem,
  Virtualizer,
  type VirtualizerOptions,
  windowScroll,
} from '@tanstack/virtual-core';
import type { RefObject } from 'preact';
import { useLayoutEffect, useReducer, useState } from 'preact/hooks';

const OVERSCAN = 4;

interface Rows {
  count: number;
  heightPx(row: number): number;
  /** A row that is always rendered, because the focus may be in it; -1 for none. */
  keptRow: number;
}

interface VirtualRows {
  /** Rows to render; `start` is in pixels from the top of the list. */
  items: VirtualItem[];
  heightPx: number;
  reveal(row: number): void;
}

/** Renders only the rows near the view. The rows have known heights, and the list scrolls with the page. */
export function useVirtualRows(
  list: RefObject<HTMLElement | null>,
  { count, heightPx, keptRow }: Rows,
): VirtualRows {
  const [, rerender] = useReducer<number, void>((renders) => renders + 1, 0);
  const scrollMargin = list.current?.offsetTop ?? 0;
  const options: VirtualizerOptions<Window, HTMLElement> = {
    count,
    estimateSize: heightPx,
    getScrollElement: () => window,
    observeElementRect: observeWindowRect,
    observeElementOffset: observeWindowOffset,
    scrollToFn: windowScroll,
    initialOffset: () => window.scrollY,
    initialRect: { width: window.innerWidth, height: window.innerHeight },
    overscan: OVERSCAN,
    scrollMargin,
    scrollPaddingStart: 72,
    scrollPaddingEnd: 16,
    rangeExtractor: (range) => {
      const rows = defaultRangeExtractor(range);
      const isOutside = keptRow >= 0 && keptRow < count && !rows.includes(keptRow);
      return isOutside ? [...rows, keptRow].sort((one, other) => one - other) : rows;
    },
    onChange: () => rerender(),
  };
  const [rows] = useState(() => new Virtualizer(options));
  const heights = `${count},${heightPx(0)},${heightPx(1)},${heightPx(count - 1)}`;
  rows.setOptions(options);
  useLayoutEffect(() => rows._didMount(), [rows]);
  useLayoutEffect(() => rows._willUpdate());
  useLayoutEffect(() => rows.measure(), [rows, heights]);
  return {
    items: rows.getVirtualItems().map((item) => ({ ...item, start: item.start - scrollMargin })),
    heightPx: rows.getTotalSize(),
    reveal: (row) => rows.scrollToIndex(row, { align: 'auto' }),
  };
}
