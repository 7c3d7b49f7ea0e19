import type { ControllerReport, FleetSample } from '../core/fleet/fleet.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { withSample } from './history.ts';
import type { Snapshot } from './snapshot.ts';

/** What the last controller left, and where ours goes. */
export interface Reports {
  read(): Promise<ControllerReport | undefined>;
  write(report: ControllerReport): Promise<void>;
  writeJobCosts(byJobUsd: Readonly<Record<string, number>>): Promise<void>;
  readHistory(): Promise<readonly FleetSample[]>;
  writeHistory(history: readonly FleetSample[]): Promise<void>;
}

export interface ReporterOptions {
  reports: Reports;
  /** A report that says nothing new is written so often. */
  reportEveryMs: number;
  clock: Clock;
}

/** A history in which nothing happens; who draws it has seen the rest, or misses a straight line. */
const STEADY_HISTORY_EVERY_MS = 300_000;

interface Written {
  news: string;
  atMs: number;
}

/** Writes at once what is new, and now and then that nothing is: each write of an idle controller is paid for, too. */
export class Reporter {
  readonly #options: ReporterOptions;
  #history: readonly FleetSample[] = [];
  #writtenReport: Written | undefined;
  #writtenHistory: Written | undefined;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** Goes on with the history of the controller before; what that one wrote is no news of ours. */
  async begin(): Promise<void> {
    this.#history = await this.#options.reports.readHistory();
    this.#writtenReport = undefined;
    this.#writtenHistory = undefined;
  }

  /** @throws {ImgclsError} what could not be written, which comes with the next again. */
  async write(report: ControllerReport, snapshot: Snapshot): Promise<void> {
    const { reports, reportEveryMs } = this.#options;
    this.#writtenReport = await this.#unlessKnown(this.#writtenReport, newsOf(report), reportEveryMs, () =>
      reports.write(report),
    );
    const history = withSample(this.#history, snapshot, this.#options.clock.nowMs());
    if (history === this.#history) return;
    this.#history = history;
    const sample = JSON.stringify({ ...history.at(-1), atMs: undefined });
    this.#writtenHistory = await this.#unlessKnown(
      this.#writtenHistory,
      sample,
      STEADY_HISTORY_EVERY_MS,
      () => reports.writeHistory(history),
    );
  }

  async #unlessKnown(
    last: Written | undefined,
    news: string,
    everyMs: number,
    write: () => Promise<void>,
  ): Promise<Written> {
    const atMs = this.#options.clock.monotonicMs();
    if (last?.news === news && atMs - last.atMs < everyMs) return last;
    await write();
    return { news, atMs };
  }
}

/** All but the time, and the money that merely runs on. */
function newsOf({ updatedAtMs: _time, cost, ...report }: ControllerReport): string {
  const { totalUsd: _total, unattributedUsd: _unattributed, ...told } = cost ?? {};
  return JSON.stringify({ ...report, cost: told });
}
