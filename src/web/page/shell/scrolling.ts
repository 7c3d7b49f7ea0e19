/** The page scrolls if it has scrolled within this time. */
const PAUSE_MS = 120;

let lastMs = Number.NEGATIVE_INFINITY;

export function watchScrolling(): void {
  const note = ({ timeStamp }: Event) => {
    lastMs = timeStamp;
  };
  window.addEventListener('scroll', note, { passive: true });
}

export const isScrolling = (): boolean => performance.now() - lastMs < PAUSE_MS;
