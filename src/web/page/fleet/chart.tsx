import { useEffect, useRef } from 'preact/hooks';
import type { ChartProps } from './chart-props.ts';
import type { Plot } from './plot.ts';

/** Figures over time; for those who do not see it, and as its legend, the newest in words. */
export function Chart(props: ChartProps) {
  const { title, unit, lines, text } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot>(undefined);
  const newest = useRef(props);
  newest.current = props;

  useEffect(() => {
    let isGone = false;
    // The library is large, and only this view needs it.
    void import('./plot.ts').then(({ openPlot }) => {
      if (!isGone && place.current !== null) plot.current = openPlot(place.current, () => newest.current);
    });
    return () => {
      isGone = true;
      plot.current?.close();
    };
  }, []);
  useEffect(() => plot.current?.draw());

  const now = lines.map(({ name, colour, values }) => {
    const value = values.at(-1);
    return { name, colour, said: value === null || value === undefined ? 'unknown' : text(value) };
  });
  return (
    <figure class="card chart">
      <figcaption>
        {title} <span class="muted">{unit}</span>
      </figcaption>
      <div ref={place} class="chart-place" aria-hidden="true" />
      <ul class="legend" aria-label={`${title} now`}>
        {now.map(({ name, colour, said }) => (
          <li key={name}>
            <i style={{ background: `var(${colour})` }} /> {name} <b>{said}</b>
          </li>
        ))}
      </ul>
    </figure>
  );
}
