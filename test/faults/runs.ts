/** Many fault runs, several side by side, and what came of them in words. */
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { faultRun, type RunOptions, type RunReport } from './run.ts';

export type SeededRun = Pick<RunOptions, 'seed' | 'world' | 'changes' | 'timeoutMs' | 'quietMs'>;

export interface RunsOptions extends Pick<RunOptions, 'bin' | 'pool'> {
  /** Which runs; those that were not begun when the signal aborts are left out. */
  runs: Iterable<SeededRun>;
  parallel: number;
  /** Each run has a folder of its own in it, which stays where the run failed, or all stay. */
  folder: string;
  keep?: boolean;
  onReport?(report: RunReport, folder: string): void;
  signal?: AbortSignal;
}

export async function faultRuns(options: RunsOptions): Promise<RunReport[]> {
  const { bin, pool, parallel, signal, onReport } = options;
  const runs = options.runs[Symbol.iterator]();
  const reports: RunReport[] = [];
  const oneAfterTheOther = async () => {
    for (let next = runs.next(); next.done !== true; next = runs.next()) {
      const { seed, world } = next.value;
      const folder = await mkdtemp(path.join(options.folder, `${world.kind}-${seed}-`));
      const report = await faultRun({ ...next.value, bin, pool, folder, ...(signal && { signal }) });
      if (signal?.aborted) return;
      reports.push(report);
      onReport?.(report, folder);
      if (report.violations.length === 0 && options.keep !== true) await rm(folder, { recursive: true });
    }
  };
  await Promise.all(Array.from({ length: parallel }, oneAfterTheOther));
  return reports;
}

const inWords = (counts: Record<string, number>): string =>
  Object.keys(counts)
    .sort()
    .map((kind) => `${kind} ${counts[kind]}`)
    .join(', ') || 'none';

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

export function lineOf(report: RunReport): string {
  const { seed, kind, images, bad, kills, stops, faults, seconds, violations } = report;
  const shown = violations.slice(0, 10).map((violation) => `\n  ${violation}`);
  const verdict = violations.length === 0 ? 'ok' : `FAILED (${violations.length})${shown.join('')}`;
  return `seed ${seed} on ${kind}: ${images} images (${bad} bad), ${kills} kills, ${stops} stops, faults: ${inWords(faults)}; ${seconds.toFixed(1)} s: ${verdict}`;
}

export function summaryOf(reports: readonly RunReport[]): string {
  const faults: Record<string, number> = {};
  for (const report of reports)
    for (const [kind, count] of Object.entries(report.faults)) faults[kind] = (faults[kind] ?? 0) + count;
  const total = (of: (report: RunReport) => number) => sum(reports.map(of));
  const found = (what: string) =>
    total(({ violations }) => violations.filter((one) => one.startsWith(what)).length);
  const failed = reports.filter(({ violations }) => violations.length > 0);
  const slowest = Math.max(0, ...reports.map(({ seconds }) => seconds));
  return [
    `${reports.length} runs, ${total(({ images }) => images)} images (${total(({ bad }) => bad)} bad), ${total(({ kills }) => kills)} kills, ${total(({ stops }) => stops)} stops, slowest run ${slowest.toFixed(1)} s`,
    `faults injected: ${sum(Object.values(faults))}: ${inWords(faults)}`,
    `${found('lost')} lost, ${found('doubled')} doubled, ${failed.length} runs failed${failed.map(({ kind, seed }) => `, ${kind} ${seed}`).join('')}`,
  ].join('\n');
}
