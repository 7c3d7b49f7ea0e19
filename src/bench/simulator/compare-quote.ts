/** Compares quotes with what the simulated fleet is paid and how long it takes. */
import { quantile } from '../../scaler/policy/pauses.ts';
import { type Quote, quote } from '../../scaler/quote.ts';
import { markdownTable, number } from './compare-text.ts';
import { defaultPolicySettings, IMAGES_PER_SECOND, type SimulationOptions, simulate } from './simulate.ts';
import { worlds } from './worlds.ts';

const SIZES = [200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000] as const;
/** Runs of each job, with seeds in a row. */
const RUNS = 9;
const ARRIVES_AT_MS = 2500;

export interface QuoteComparison {
  quote: Quote;
  /** Medians of the runs. */
  costUsd: number;
  doneMs: number;
}

export async function compareQuotes({
  seed,
  max,
  world,
}: Pick<SimulationOptions, 'seed' | 'max' | 'world'>): Promise<QuoteComparison[]> {
  const rows: QuoteComparison[] = [];
  for (const images of SIZES) {
    const trace = { name: `${images}`, what: 'one job', arrivals: [{ atMs: ARRIVES_AT_MS, images }] };
    const runs = [];
    for (let run = 0; run < RUNS; run++)
      runs.push(await simulate(trace, { policy: 'backlog', max, seed: seed + run, ...(world && { world }) }));
    const settings = { ...defaultPolicySettings, policy: 'backlog', max };
    const measured = { imagesPerSecond: IMAGES_PER_SECOND, bootMs: worlds.ideal.bootMs };
    const median = (values: readonly number[]) => quantile(values, 0.5) ?? Number.NaN;
    rows.push({
      quote: quote({ images, bytes: 0 }, settings, measured),
      costUsd: median(runs.map(({ costUsd }) => costUsd)),
      doneMs: median(runs.map(({ meanJobMs }) => meanJobMs)),
    });
  }
  return rows;
}

/** What was paid, as a multiple of the quote. */
export const paidRatio = ({ quote: { machineUsd = Number.NaN }, costUsd }: QuoteComparison): number =>
  costUsd / machineUsd;

export const quoteColumns = [
  'images',
  'machines',
  'quoted, s',
  'took, s',
  'quoted, $',
  'paid, $',
  'paid / quoted',
] as const;

export const quoteCells = (rows: readonly QuoteComparison[]): string[][] =>
  rows.map((row) => [
    number(row.quote.images, 0),
    number(row.quote.machines, 0),
    number((row.quote.drainMs ?? Number.NaN) / 1000, 0),
    number(row.doneMs / 1000, 0),
    number(row.quote.machineUsd ?? Number.NaN, 4),
    number(row.costUsd, 4),
    number(paidRatio(row), 2),
  ]);

export const quoteMarkdown = (rows: readonly QuoteComparison[]): string =>
  markdownTable(quoteColumns, quoteCells(rows), 0);
