import { useLayoutEffect, useRef } from 'preact/hooks';
import type { OutcomeView } from '../../api.ts';
import { OutcomeDetail } from './outcome-detail.tsx';
import { placeBeside } from './position-beside.ts';

export const HOVER_DETAIL = 'hover-detail';
const MOST_CLASSES = 5;

interface HoverDetailProps {
  card: HTMLElement;
  name: string;
  outcome: OutcomeView | undefined;
  onClose(): void;
}

/** What a card has no room for, while it is pointed at or has the focus. Escape closes it. */
export function HoverDetail({ card, name, outcome, onClose }: HoverDetailProps) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const { x, y } = placeBeside(
      card.getBoundingClientRect(),
      { width: element.offsetWidth, height: element.offsetHeight },
      { width: document.documentElement.clientWidth, height: window.innerHeight },
    );
    element.style.transform = `translate(${x}px, ${y}px)`;
  });
  // Before it is seen: a key pressed at once must find it listening.
  useLayoutEffect(() => {
    const closed = new AbortController();
    const { signal } = closed;
    const onKey = ({ key }: KeyboardEvent) => {
      if (key === 'Escape') onClose();
    };
    document.addEventListener('keydown', onKey, { signal });
    // A card that scrolls away would leave it behind.
    window.addEventListener('scroll', onClose, { signal, passive: true });
    return () => closed.abort();
  }, [onClose]);
  return (
    <div ref={box} id={HOVER_DETAIL} class="hover-detail" role="tooltip">
      <p class="hover-name">{name}</p>
      <OutcomeDetail outcome={outcome} most={MOST_CLASSES} />
    </div>
  );
}
