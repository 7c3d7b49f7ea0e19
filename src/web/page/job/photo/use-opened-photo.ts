import { type ReadonlySignal, useComputed } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { pushQuery, query, replaceQuery } from '../../location.ts';

interface OpenedPhoto {
  /** The image in the photograph view. */
  index: ReadonlySignal<number | undefined>;
  open(index: number): void;
  show(index: number): void;
  close(): void;
}

/** The open photograph is in the address: Back closes it, Forward opens it again. */
export function useOpenedPhoto(): OpenedPhoto {
  const index = useComputed(() => {
    const text = query.value.get('photo');
    return text !== null && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
  });
  const isOpen = index.value !== undefined;
  /** Whether the entry of the history before it is the list. */
  const isAboveList = useRef(false);
  const wasOpen = useRef(isOpen);
  useEffect(() => {
    if (isOpen && !wasOpen.current) isAboveList.current = true;
    wasOpen.current = isOpen;
  }, [isOpen]);
  return {
    index,
    open: (opened) => pushQuery({ photo: String(opened) }),
    show: (shown) => replaceQuery({ photo: String(shown) }),
    close() {
      const isAbove = isAboveList.current;
      // Going back takes a moment, in which Escape may be pressed again.
      isAboveList.current = false;
      if (isAbove) window.history.back();
      else replaceQuery({ photo: undefined });
    },
  };
}
