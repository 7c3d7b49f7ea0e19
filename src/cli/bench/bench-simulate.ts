import { readFile } from 'node:fs/promises';
import { type Comparison, compare } from '../../bench/simulator/compare.ts';
import {
  compareForecast,
  type ForecastComparison,
  forecastCells,
  forecastColumns,
  forecastMarkdown,
} from '../../bench/simulator/compare-forecast.ts';
import {
  compareQuotes,
  type QuoteComparison,
  quoteCells,
  quoteColumns,
  quoteMarkdown,
} from '../../bench/simulator/compare-quote.ts';
import {
  comparisonCells,
  comparisonColumns,
  comparisonMarkdown,
} from '../../bench/simulator/compare-text.ts';
import { generateTraces } from '../../bench/simulator/generators.ts';
import { recurringTraces } from '../../bench/simulator/recurring.ts';
import type { SimulationResult } from '../../bench/simulator/simulate.ts';
import { SUMMARIZED, summaryCells, summaryColumns, summaryMarkdown } from '../../bench/simulator/summary.ts';
import { parseTrace } from '../../bench/simulator/trace-file.ts';
import { namedTrace, type Trace, traceNames } from '../../bench/simulator/traces.ts';
import { ImgclsError, messageOf } from '../../core/runtime/errors.ts';
import type { Screen } from '../terminal/screen.ts';
import { drawTable } from '../terminal/table.ts';

export interface SimulateFlags {
  /** `true`: all traces by name. `random` and `recurring`: generated ones. `quote`: no trace, but quoted jobs. */
  simulate: string | true;
  seed: number;
  /** Of random traces. Undefined: one of each kind, and a row for each run. */
  traces?: number;
  world: 'ideal' | 'unkind';
  max: number;
  forecast: 'on' | 'off' | 'compare';
  format: 'table' | 'json' | 'markdown';
}

/** Runs `imgcls bench --simulate`. @returns its report. */
export async function simulatePolicies(
  { simulate, seed, traces, world, max, forecast, format }: SimulateFlags,
  screen: Screen | undefined,
): Promise<string> {
  if (max < 1) throw new ImgclsError('usage', '--max must be at least 1.');
  if (simulate === 'quote') {
    const rows = await compareQuotes({ seed, world, max });
    return { table: quoteTable, json: inJson, markdown: quoteMarkdown }[format](rows, screen);
  }
  if (forecast === 'compare') {
    const rows: ForecastComparison[] = [];
    for (const trace of await tracesOf(simulate, seed))
      rows.push(await compareForecast(trace, { seed, world, max }));
    return { table: forecastTable, json: forecastJson, markdown: forecastMarkdown }[format](rows, screen);
  }
  if (traces !== undefined) {
    if (simulate !== 'random')
      throw new ImgclsError('usage', '--traces is only for random traces: use "--simulate random".');
    if (traces < 1) throw new ImgclsError('usage', '--traces must be at least 1.');
    const rows: Comparison[] = [];
    for (const [at, trace] of generateTraces(seed, traces).entries())
      rows.push(...(await compare(trace, { seed: seed + at, world, max, forecast }, [SUMMARIZED])));
    return { table: summaryTable, json, markdown: summaryMarkdown }[format](rows, screen);
  }
  const rows: Comparison[] = [];
  for (const trace of await tracesOf(simulate, seed))
    rows.push(...(await compare(trace, { seed, world, max, forecast })));
  return { table, json, markdown: comparisonMarkdown }[format](rows, screen);
}

async function tracesOf(named: string | true, seed: number): Promise<Trace[]> {
  if (named === 'random') return generateTraces(seed);
  if (named === 'recurring') return recurringTraces(seed);
  if (named !== true) return [namedTrace(named) ?? (await readTrace(named))];
  return traceNames.flatMap((name) => namedTrace(name) ?? []);
}

async function readTrace(file: string): Promise<Trace> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new ImgclsError(
      'usage',
      `${file} is neither a named trace nor a readable file: ${messageOf(cause)}`,
      {
        hint: `Use one of ${traceNames.join(', ')}, random, recurring, quote, or a file with lines "seconds,images".`,
        cause,
      },
    );
  });
  return parseTrace(file, text);
}

function table(rows: readonly Comparison[], screen: Screen | undefined): string {
  const alignRight = comparisonColumns.slice(2);
  const dropFirst = ['wasted boots', 'drain / bound', 'machine hours', 'p95 wait, s'];
  return `${drawTable(comparisonColumns, rows.map(comparisonCells), { screen, alignRight, dropFirst })}\n`;
}

const summaryTable = (rows: readonly Comparison[], screen: Screen | undefined): string =>
  `${drawTable(summaryColumns, summaryCells(rows), { screen, alignRight: summaryColumns.slice(1, -1) })}\n`;

const forecastTable = (rows: readonly ForecastComparison[], screen: Screen | undefined): string =>
  `${drawTable(forecastColumns, forecastCells(rows), { screen, alignRight: forecastColumns.slice(1) })}\n`;

const quoteTable = (rows: readonly QuoteComparison[], screen: Screen | undefined): string =>
  `${drawTable(quoteColumns, quoteCells(rows), { screen, alignRight: quoteColumns })}\n`;

const inJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

const json = (rows: readonly Comparison[]): string => inJson(rows.map(withCounts));

const forecastJson = (rows: readonly ForecastComparison[]): string =>
  inJson(rows.map((row) => ({ ...row, without: withCounts(row.without), with: withCounts(row.with) })));

/** Only counts the busy periods, as there may be thousands. */
const withCounts = <T extends SimulationResult>({ busyPeriods, facts: _, ...row }: T) => ({
  ...row,
  busyPeriods: busyPeriods.length,
});
