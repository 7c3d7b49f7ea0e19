/** Many traces in a few rows: how far the default policy is from its bounds, and the other policies are from it. Pure. */

import type { Comparison } from './compare.ts';
import { markdownTable, number } from './compare-text.ts';
import type { PolicyName } from './rivals/rivals.ts';

/** The policy that the others are compared with. */
export const SUMMARIZED: PolicyName = 'backlog';

export const summaryColumns = [
  'policy',
  'traces',
  'cost / bound: median, p95, worst',
  'drain / bound: median, p95, worst',
  'cost: median, p95',
  'drain: median, p95',
  'mean job: median, p95',
  'cheaper and faster on',
] as const;

/** A row for the default policy, with its bounds, then one for each other policy, in multiples of the default one on the same trace. */
export function summaryCells(rows: readonly Comparison[]): string[][] {
  const ours = new Map(rows.filter(({ policy }) => policy === SUMMARIZED).map((row) => [row.trace, row]));
  const own = [...ours.values()];
  const first = [
    SUMMARIZED,
    number(own.length, 0),
    quantiles(
      own.map(({ overCostBound }) => overCostBound),
      0.5,
      0.95,
      1,
    ),
    quantiles(
      own.map(({ overDrainBound }) => overDrainBound),
      0.5,
      0.95,
      1,
    ),
    ...['1', '1', '1', '-'],
  ];
  const others = [...new Set(rows.map(({ policy }) => policy))].filter((policy) => policy !== SUMMARIZED);
  return [
    first,
    ...others.map((policy) =>
      cellsOf(
        rows.filter((row) => row.policy === policy),
        ours,
      ),
    ),
  ];
}

export const summaryMarkdown = (rows: readonly Comparison[]): string =>
  markdownTable(summaryColumns, summaryCells(rows), 1);

function cellsOf(theirs: readonly Comparison[], ours: ReadonlyMap<string, Comparison>): string[] {
  const pairs = theirs.flatMap((their) => {
    const our = ours.get(their.trace);
    return our === undefined ? [] : [{ their, our }];
  });
  const times = (of: (row: Comparison) => number) =>
    quantiles(
      pairs.map(({ their, our }) => of(their) / of(our)),
      0.5,
      0.95,
    );
  const better = pairs.filter(
    ({ their, our }) => their.machineMs < our.machineMs && their.drainMs < our.drainMs,
  );
  return [
    theirs[0]?.policy ?? '',
    number(pairs.length, 0),
    ...['-', '-'],
    times(({ machineMs }) => machineMs),
    times(({ drainMs }) => drainMs),
    times(({ meanJobMs }) => meanJobMs),
    better.length === 0 ? 'none' : better.map(({ our }) => our.trace).join(', '),
  ];
}

function quantiles(values: readonly (number | undefined)[], ...shares: number[]): string {
  const sorted = values.filter((value) => value !== undefined).sort((a, b) => a - b);
  return shares.map((share) => sorted[Math.ceil(share * sorted.length) - 1]?.toFixed(2) ?? '-').join(', ');
}
