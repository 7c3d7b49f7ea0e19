/** Compares the runs of all contenders with those of the first one. */
import { median } from '../median.ts';
import type { Measured } from './measured-run.ts';

export interface Row extends Measured {
  repetition: number;
  contender: string;
}

export interface Standing {
  contender: string;
  wallMs: number;
  cpuMs: number | null;
  /** Median of the ratios of its wall time to that of the first contender in the same repetition. */
  ratio: number;
}

export function standingsOf(rows: readonly Row[]): Standing[] {
  const byContender = Map.groupBy(rows, ({ contender }) => contender);
  const [first = []] = byContender.values();
  return [...byContender].map(([contender, runs]) => {
    const cpus = runs.flatMap(({ cpuMs }) => cpuMs ?? []);
    return {
      contender,
      wallMs: median(runs.map(({ wallMs }) => wallMs)),
      cpuMs: cpus.length === runs.length ? median(cpus) : null,
      ratio: median(runs.map(({ wallMs }, at) => wallMs / (first[at]?.wallMs ?? Number.NaN))),
    };
  });
}

const seconds = (ms: number | null): string => (ms === null ? '-' : `${(ms / 1000).toFixed(1)} s`);

/** A table of Markdown. */
export function tableOf(
  standings: readonly Standing[],
  { titles, agreements }: { titles: ReadonlyMap<string, string>; agreements: ReadonlyMap<string, number> },
): string {
  const rows = standings.map(({ contender, wallMs, cpuMs, ratio }) => {
    const agreement = agreements.get(contender) ?? Number.NaN;
    const cells = [seconds(wallMs), seconds(cpuMs), `**${ratio.toFixed(2)}**`, percent(agreement)];
    return `| ${titles.get(contender)} | ${cells.join(' | ')} |`;
  });
  return [
    `| | wall time | processor time | wall time, first row = 1 | same best label as the first row |`,
    '|---|---:|---:|---:|---:|',
    ...rows,
    '',
  ].join('\n');
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** The best labels of one run, by photograph. */
type Labels = ReadonlyMap<string, string>;

/** The share of photographs that a contender labels like the first one, in the run in which it is smallest. */
export function agreementsOf(labels: ReadonlyMap<string, readonly Labels[]>): Map<string, number> {
  const [[first] = []] = labels.values();
  const agreement = (run: Labels): number => {
    const same = [...run].filter(([name, label]) => first?.get(name) === label);
    return same.length / run.size;
  };
  return new Map([...labels].map(([contender, runs]) => [contender, Math.min(...runs.map(agreement))]));
}
