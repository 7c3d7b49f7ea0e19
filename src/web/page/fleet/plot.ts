import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { ChartProps } from './chart-props.ts';

const HEIGHT_PX = 160;
const CHARACTER_PX = 7;
const TIME_AXIS_PX = 26;
/** Of the axis of values: counts have no parts. */
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000];
const PARTS = [0.1, 0.2, 0.5];

export interface Plot {
  draw(): void;
  close(): void;
}

/** Draws a chart as wide as its container, in the colours of the style sheet. It follows the dark mode. */
export function openPlot(container: HTMLElement, chart: () => ChartProps): Plot {
  const dark = window.matchMedia('(prefers-color-scheme: dark)');
  let plot = build(container, chart());
  const rebuild = () => {
    plot.destroy();
    plot = build(container, chart());
  };
  const observer = new ResizeObserver(() =>
    plot.setSize({ width: container.clientWidth, height: HEIGHT_PX }),
  );
  observer.observe(container);
  dark.addEventListener('change', rebuild);
  return {
    draw: () => plot.setData(dataOf(chart())),
    close() {
      dark.removeEventListener('change', rebuild);
      observer.disconnect();
      plot.destroy();
    },
  };
}

const dataOf = ({ times, lines }: ChartProps): UPlot.AlignedData => [
  [...times],
  ...lines.map(({ drawn }) => [...drawn]),
];

function build(container: HTMLElement, props: ChartProps): UPlot {
  const styles = getComputedStyle(document.documentElement);
  const colour = (name: string): string => styles.getPropertyValue(name).trim();
  const axis: UPlot.Axis = {
    stroke: colour('--muted'),
    font: '12px system-ui, sans-serif',
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  };
  const stepped = UPlot.paths.stepped?.({ align: 1 });
  const series = props.lines.map(({ name, colour: property }): UPlot.Series => {
    const stroke = colour(property);
    return {
      label: name,
      stroke,
      width: 2,
      fill: props.isCount ? stroke : `${stroke}22`,
      points: { show: false },
      ...(props.isCount && stepped !== undefined && { paths: stepped }),
    };
  });
  return new UPlot(
    {
      width: container.clientWidth,
      height: HEIGHT_PX,
      legend: { show: false },
      cursor: { show: false },
      padding: [10, 10, 0, 0],
      scales: {
        x: { range: (_, __, last) => [last - props.spanS, last] },
        y: { range: (_, __, most) => [0, Math.max(1, 1.1 * most)] },
      },
      axes: [
        { ...axis, size: TIME_AXIS_PX, gap: 6, space: 64, values: (_, seconds) => seconds.map(clockTime) },
        {
          ...axis,
          size: (_, texts) => 12 + CHARACTER_PX * Math.max(1, ...(texts ?? []).map(({ length }) => length)),
          gap: 6,
          space: 32,
          incrs: props.isCount ? STEPS : [...PARTS, ...STEPS],
        },
      ],
      series: [{}, ...series],
    },
    dataOf(props),
    container,
  );
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const clockTime = (seconds: number): string => clock.format(1000 * seconds);
