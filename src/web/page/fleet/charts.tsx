import { number, rate } from '../format.ts';
import { Chart } from './chart.tsx';
import type { Line } from './chart-props.ts';
import { column, type Moment, stacked } from './series.ts';

const count = (value: number): string => number(Math.round(value));
const phases = [
  { name: 'Busy', colour: '--accent', of: ({ busy }: Moment) => busy },
  { name: 'Idle', colour: '--accent-soft', of: ({ idle }: Moment) => idle },
  { name: 'Booting', colour: '--amber', of: ({ booting }: Moment) => booting },
  { name: 'Draining', colour: '--grey', of: ({ draining }: Moment) => draining },
];

export function Charts({ moments }: { moments: readonly Moment[] }) {
  if (moments.length < 2) return <p class="empty">The charts start with the next update, in 2 seconds.</p>;
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
        title="Queue depth"
        unit="messages"
        times={times}
        text={count}
        lines={[line('Messages', '--accent', ({ messages }) => messages)]}
      />
      <Chart
        title="Workers by state"
        unit="workers"
        times={times}
        text={count}
        lines={phaseLines}
        isStepped
      />
      <Chart
        title="Throughput"
        unit="images/s"
        times={times}
        text={rate}
        lines={[line('Images/s', '--accent', ({ imagesPerSecond }) => imagesPerSecond)]}
      />
    </div>
  );
}
