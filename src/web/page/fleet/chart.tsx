import { useEffect, useRef } from 'preact/hooks';
import type { ChartProps } from './chart-props.ts';
import type { Plot } from './plot.ts';

/** Values over time. The legend gives the latest ones as text, for screen readers too. */
export function Chart(props: ChartProps) {
  const { title, unit, lines, text } = props;
  const container = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot>(undefined);
  const latestProps = useRef(props);
  latestProps.current = props;

  useEffect(() => {
    let isUnmounted = false;
    // Loaded on demand: the library is large, and only this view needs it.
    void import('./plot.ts').then(({ openPlot }) => {
      if (!isUnmounted && container.current !== null)
        plot.current = openPlot(container.current, () => latestProps.current);
    });
    return () => {
      isUnmounted = true;
      plot.current?.close();
    };
  }, []);
  useEffect(() => plot.current?.draw());

  const legend = lines.map(({ name, colour, values }) => {
    const value = values.at(-1);
    return { name, colour, latest: value === null || value === undefined ? 'unknown' : text(value) };
  });
  return (
    <figure class="card chart">
      <figcaption>
        {title} <span class="muted">{unit}</span>
      </figcaption>
      <div ref={container} class="chart-place" aria-hidden="true" />
      <ul class="legend" aria-label={`${title} now`}>
        {legend.map(({ name, colour, latest }) => (
          <li key={name}>
            <i style={{ background: `var(${colour})` }} /> {name} <b>{latest}</b>
          </li>
        ))}
      </ul>
    </figure>
  );
}
