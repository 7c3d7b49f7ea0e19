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
  /** A row that stays in the document wherever the view is, because the focus may be in it; -1 for none. */
  keptRow: number;
}

interface VirtualRows {
  /** What is to be drawn; `start` is in pixels from the list's top. */
  items: VirtualItem[];
  heightPx: number;
  reveal(row: number): void;
}

/** Rows of known height in a list that scrolls with the page. */
export function useVirtualRows(
  list: RefObject<HTMLElement | null>,
  { count, heightPx, keptRow }: Rows,
): VirtualRows {
  const [, drawAgain] = useReducer<number, void>((drawn) => drawn + 1, 0);
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
      const isApart = keptRow >= 0 && keptRow < count && !rows.includes(keptRow);
      return isApart ? [...rows, keptRow].sort((one, other) => one - other) : rows;
    },
    onChange: () => drawAgain(),
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
