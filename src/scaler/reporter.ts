import type { ControllerReport, FleetSample } from '../core/fleet/fleet.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { withSample } from './history.ts';
import type { Snapshot } from './snapshot.ts';

/** Where controllers read and write their report, the costs of jobs and the history. */
export interface Reports {
  read(): Promise<ControllerReport | undefined>;
  write(report: ControllerReport): Promise<void>;
  /** Cost that an earlier controller attributed to a job; undefined if none did. */
  readJobCost(job: string): Promise<number | undefined>;
  writeJobCosts(byJobUsd: Readonly<Record<string, number>>): Promise<void>;
  readHistory(): Promise<readonly FleetSample[]>;
  writeHistory(history: readonly FleetSample[]): Promise<void>;
}

export interface ReporterOptions {
  reports: Reports;
  /** An unchanged report is written this often. */
  reportEveryMs: number;
  clock: Clock;
}

/** An unchanged history is written this often: a chart that lacks its end misses only a straight line. */
const STEADY_HISTORY_EVERY_MS = 300_000;

interface Written {
  content: string;
  atMs: number;
}

/** Writes a changed report at once and an unchanged one seldom, because each write to S3 costs money. */
export class Reporter {
  readonly #options: ReporterOptions;
  #history: readonly FleetSample[] = [];
  #writtenReport: Written | undefined;
  #writtenHistory: Written | undefined;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** Continues the history of the previous controller, and makes the next write unconditional. */
  async begin(): Promise<void> {
    this.#history = await this.#options.reports.readHistory();
    this.#writtenReport = undefined;
    this.#writtenHistory = undefined;
  }

  /** @throws {ImgclsError} if a write fails; the next call writes it again. */
  async write(report: ControllerReport, snapshot: Snapshot): Promise<void> {
    const { reports, reportEveryMs } = this.#options;
    this.#writtenReport = await this.#writeIfDue(this.#writtenReport, contentOf(report), reportEveryMs, () =>
      reports.write(report),
    );
    const history = withSample(this.#history, snapshot, this.#options.clock.nowMs());
    if (history === this.#history) return;
    this.#history = history;
    const sample = JSON.stringify({ ...history.at(-1), atMs: undefined });
    this.#writtenHistory = await this.#writeIfDue(this.#writtenHistory, sample, STEADY_HISTORY_EVERY_MS, () =>
      reports.writeHistory(history),
    );
  }

  async #writeIfDue(
    last: Written | undefined,
    content: string,
    everyMs: number,
    write: () => Promise<void>,
  ): Promise<Written> {
    const atMs = this.#options.clock.monotonicMs();
    if (last?.content === content && atMs - last.atMs < everyMs) return last;
    await write();
    return { content, atMs };
  }
}

/** Everything except the time and the totals that grow by themselves. */
function contentOf({ updatedAtMs: _time, cost, ...report }: ControllerReport): string {
  const { totalUsd: _total, unattributedUsd: _unattributed, ...otherCost } = cost ?? {};
  return JSON.stringify({ ...report, cost: otherCost });
}
