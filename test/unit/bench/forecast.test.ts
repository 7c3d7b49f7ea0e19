import { expect, it } from 'vitest';
import { compareForecast, costRatio, jobTimeRatio } from '../../../src/bench/simulator/compare-forecast.ts';
import { generateTraces } from '../../../src/bench/simulator/generators.ts';
import { recurringTraces } from '../../../src/bench/simulator/recurring.ts';

const options = { max: 1000, seed: 4100 };

/** Others of the 24 kinds are compared by `imgcls bench --simulate recurring --forecast compare`: they take seconds. */
const QUICK_KINDS = ['daily', 'working-days', 'weekly'];

it('work that recurs is done in 0.55 times the time for 1.06 times the cost', async () => {
  const traces = recurringTraces(4100).filter(({ name }) => QUICK_KINDS.includes(name));
  const rows = await Promise.all(traces.map((trace) => compareForecast(trace, options)));
  const mean = (of: (row: (typeof rows)[number]) => number) =>
    rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
  expect(rows).toHaveLength(QUICK_KINDS.length);
  expect(mean(jobTimeRatio)).toBeLessThanOrEqual(0.55);
  expect(mean(costRatio)).toBeLessThanOrEqual(1.06);
}, 60_000);

it.each(['burst', 'poisson'])(
  'work of the kind %s is done no later and for no more',
  async (kind) => {
    const trace = generateTraces(7000).find(({ name }) => name.startsWith(kind));
    const row = await compareForecast(trace ?? { name: kind, what: '', arrivals: [] }, options);
    expect(row.without.imagesDone).toBeGreaterThan(0);
    expect(jobTimeRatio(row)).toBeLessThanOrEqual(1.01);
    expect(costRatio(row)).toBeLessThanOrEqual(1.01);
  },
  60_000,
);

it('every kind of recurring work is in order of time, and the same for the same seed', () => {
  const traces = recurringTraces(1);
  expect(traces).toHaveLength(24);
  expect(recurringTraces(1)).toEqual(traces);
  for (const { arrivals } of traces) {
    const times = arrivals.map(({ atMs }) => atMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times.length).toBeGreaterThan(20);
  }
});
