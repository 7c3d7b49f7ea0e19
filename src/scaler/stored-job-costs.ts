import { Readable } from 'node:stream';
import type { Clock } from '../core/runtime/clock.ts';
import { messageOf } from '../core/runtime/errors.ts';
import type { Log } from '../core/runtime/log.ts';
import type { CostLedger } from './cost-ledger.ts';
import type { Observation } from './observation.ts';
import { recollect } from './recollect.ts';
import type { Reports } from './reporter.ts';
import { READS_AT_ONCE } from './statuses.ts';

interface StoredJobCostsOptions {
  reports: Pick<Reports, 'readJobCost' | 'writeJobCosts'>;
  clock: Clock;
  log: Log;
}

/** The stored costs of jobs: what earlier controllers attributed to them, and what this one does. */
export class StoredJobCosts {
  readonly #options: StoredJobCostsOptions;
  /** Why the costs of jobs could not be read, by job. */
  readonly #unread = new Map<string, string>();

  constructor(options: StoredJobCostsOptions) {
    this.#options = options;
  }

  /** What earlier controllers attributed to these jobs counts for their caps, and is not overwritten with less. */
  async recall(ledger: CostLedger, jobs: Observation['snapshot']['jobs']): Promise<void> {
    const unrecalled = ledger.unrecalled(jobs);
    // As at nearly every tick: an empty stream costs as much as the rest of a simulated tick.
    if (unrecalled.length === 0) return;
    await Readable.from(unrecalled)
      .map((job: string) => this.#recall(ledger, job), { concurrency: READS_AT_ONCE })
      .toArray();
  }

  async write(ledger: CostLedger): Promise<void> {
    const { clock, reports } = this.#options;
    await this.recall(ledger, []);
    const atMs = clock.monotonicMs();
    const byJobUsd = ledger.unwrittenByJob(atMs);
    await reports.writeJobCosts(byJobUsd);
    ledger.markWritten(byJobUsd, atMs);
  }

  async #recall(ledger: CostLedger, job: string): Promise<void> {
    const { clock, reports, log } = this.#options;
    try {
      const loss = 'The stored cost of a job cannot be read; its cost starts anew.';
      const usd = await recollect(() => reports.readJobCost(job), log, { job, loss });
      ledger.recall(job, usd, clock.nowMs());
      this.#unread.delete(job);
    } catch (error) {
      const why = messageOf(error);
      if (this.#unread.get(job) === why) return;
      this.#unread.set(job, why);
      log.warn({ job, error: why }, 'Failed to read the cost of a job; will retry.');
    }
  }
}
