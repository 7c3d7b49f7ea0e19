interface Arrival {
  scrollY: number;
  /** Focus moves to the heading, so that a screen reader reads the view as it would read a new page. */
  isNewView: boolean;
}

const USER_INPUTS = ['wheel', 'touchstart', 'pointerdown', 'keydown'] as const;

let last = new AbortController();

/** Focuses and scrolls when the content is there, as a view may load it after it is shown. Ends when the user acts. */
export function arriveAt({ scrollY, isNewView }: Arrival): void {
  last.abort();
  last = new AbortController();
  const { signal } = last;
  const arrive = () => {
    const heading = document.querySelector<HTMLElement>('main h1');
    if (isNewView) heading?.focus({ preventScroll: true });
    const { scrollHeight, clientHeight } = document.documentElement;
    const isHighEnough = scrollHeight - clientHeight >= scrollY;
    if (isHighEnough) window.scrollTo(0, scrollY);
    const isLoaded = heading !== null && document.querySelector('main [aria-busy="true"]') === null;
    if (isLoaded && isHighEnough) last.abort();
  };
  const observer = new ResizeObserver(arrive);
  observer.observe(document.body);
  signal.addEventListener('abort', () => observer.disconnect());
  for (const input of USER_INPUTS)
    window.addEventListener(input, () => last.abort(), { signal, passive: true });
}
