import { useLayoutEffect, useRef } from 'preact/hooks';
import type { JobView } from '../../../api.ts';
import type { OutcomeView } from '../../../outcome-views.ts';
import { OutcomeDetail } from '../outcome-detail.tsx';
import { positionBeside } from './position-beside.ts';

export const HOVER_DETAIL = 'hover-detail';
const MAX_LABELS = 5;

interface HoverDetailProps {
  job: JobView;
  card: HTMLElement;
  name: string;
  outcome: OutcomeView | undefined;
  minScore: number;
  onClose(): void;
}

/** The top labels of the card under the pointer or with the focus. Escape closes it. */
export function HoverDetail({ job, card, name, outcome, minScore, onClose }: HoverDetailProps) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    if (!card.isConnected) return onClose();
    const { x, y } = positionBeside(
      card.getBoundingClientRect(),
      { width: element.offsetWidth, height: element.offsetHeight },
      { width: document.documentElement.clientWidth, height: window.innerHeight },
    );
    element.style.transform = `translate(${x}px, ${y}px)`;
  });
  // A layout effect, so that Escape works from the first frame.
  useLayoutEffect(() => {
    const closed = new AbortController();
    const { signal } = closed;
    const onKey = ({ key }: KeyboardEvent) => {
      if (key === 'Escape') onClose();
    };
    document.addEventListener('keydown', onKey, { signal });
    // The box would not scroll with its card.
    window.addEventListener('scroll', onClose, { signal, passive: true });
    return () => closed.abort();
  }, [onClose]);
  return (
    <div ref={box} id={HOVER_DETAIL} class="hover-detail" role="tooltip">
      <p class="hover-name">{name}</p>
      <OutcomeDetail job={job} outcome={outcome} minScore={minScore} maxLabels={MAX_LABELS} />
    </div>
  );
}
