/** Compares the policy with and without its forecast. */
import { quantile } from '../../scaler/policy/pauses.ts';
import { markdownTable, number } from './compare-text.ts';
import { type SimulationOptions, type SimulationResult, simulate } from './simulate.ts';
import type { Trace } from './traces.ts';

export interface ForecastComparison {
  trace: string;
  without: SimulationResult;
  with: SimulationResult;
}

/** @throws {ImgclsError} see simulate. */
export async function compareForecast(
  trace: Trace,
  options: Omit<SimulationOptions, 'policy' | 'forecast'>,
): Promise<ForecastComparison> {
  const run = (forecast: 'on' | 'off') => simulate(trace, { ...options, policy: 'backlog', forecast });
  return { trace: trace.name, without: await run('off'), with: await run('on') };
}

/** The mean job time with the forecast, as a multiple of that without. */
export const jobTimeRatio = (row: ForecastComparison): number => row.with.meanJobMs / row.without.meanJobMs;
export const costRatio = (row: ForecastComparison): number => row.with.costUsd / row.without.costUsd;

export const forecastColumns = [
  'trace',
  'mean job off, s',
  'on, s',
  'job on / off',
  'cost off, $',
  'on, $',
  'cost on / off',
  'wasted boots',
] as const;

/** A row for each comparison, and the medians of the ratios. */
export const forecastCells = (rows: readonly ForecastComparison[]): string[][] => [
  ...rows.map((row) => [
    row.trace,
    number(row.without.meanJobMs / 1000, 1),
    number(row.with.meanJobMs / 1000, 1),
    number(jobTimeRatio(row), 2),
    number(row.without.costUsd, 4),
    number(row.with.costUsd, 4),
    number(costRatio(row), 2),
    `${number(row.with.wastedBoots, 0)} of ${number(row.with.launched, 0)}`,
  ]),
  ['median', '', '', median(rows.map(jobTimeRatio)), '', '', median(rows.map(costRatio)), ''],
];

export const forecastMarkdown = (rows: readonly ForecastComparison[]): string =>
  markdownTable(forecastColumns, forecastCells(rows), 1);

const median = (ratios: readonly number[]): string => number(quantile(ratios, 0.5) ?? Number.NaN, 2);
