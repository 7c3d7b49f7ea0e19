import type { RefObject } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';

/** The element's width, updated when it changes. Before the first layout it is the window's width. */
export function useWidthPx(element: RefObject<HTMLElement | null>): number {
  const [widthPx, setWidthPx] = useState(() => document.documentElement.clientWidth);
  useLayoutEffect(() => {
    if (element.current === null) return;
    const observer = new ResizeObserver(([entry]) => setWidthPx(Math.floor(entry?.contentRect.width ?? 0)));
    setWidthPx(element.current.clientWidth);
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);
  return widthPx;
}
