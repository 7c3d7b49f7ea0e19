import { number, rate } from '../format.ts';
import { Chart } from './chart.tsx';
import type { Line } from './chart-props.ts';
import { column, type Moment, RANGES_MS, type Range, stacked } from './series.ts';

const count = (value: number): string => number(Math.round(value));
const phases = [
  { name: 'Busy', colour: '--accent', of: ({ busy }: Moment) => busy },
  { name: 'Idle', colour: '--accent-soft', of: ({ idle }: Moment) => idle },
  { name: 'Starting', colour: '--amber', of: ({ booting }: Moment) => booting },
  { name: 'Stopping', colour: '--grey', of: ({ draining }: Moment) => draining },
];

export function Charts({ moments, range }: { moments: readonly Moment[]; range: Range }) {
  if (moments.length < 2) return <p class="empty">The charts start with the next update, in 2 seconds.</p>;
  const spanS = RANGES_MS[range] / 1000;
  const times = moments.map(({ atMs }) => atMs / 1000);
  const line = (name: string, colour: string, of: (moment: Moment) => number | undefined): Line => {
    const values = column(moments, of);
    return { name, colour, values, drawn: values };
  };
  // The largest area is drawn first, and the smaller ones over it.
  const counts = phases.map(({ of }) => column(moments, of));
  const areas = stacked(counts);
  const phaseLines = phases.map(({ name, colour }, at) => ({
    name,
    colour,
    values: counts[at] ?? [],
    drawn: areas[at] ?? [],
  }));
  return (
    <div class="charts">
      <Chart
        title="Queue"
        unit="batches"
        times={times}
        spanS={spanS}
        text={count}
        isCount
        lines={[line('Batches', '--accent', ({ messages }) => messages)]}
      />
      <Chart
        title="Workers"
        unit="by state"
        times={times}
        spanS={spanS}
        text={count}
        lines={phaseLines}
        isCount
      />
      <Chart
        title="Speed"
        unit="photos per second"
        times={times}
        spanS={spanS}
        text={rate}
        lines={[line('Photos/s', '--accent', ({ imagesPerSecond }) => imagesPerSecond)]}
      />
    </div>
  );
}
