/** A cluster on AWS, as it is: its own controller launches and ends the machines. */

import type { Store } from '../core/cloud/ports.ts';
import { CONTROLLER_TIMING, reportStaleAfterMs } from '../core/fleet/controller-timing.ts';
import { WORKER_GONE_MS, type WorkerStatus } from '../core/fleet/fleet.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { readReport } from '../scaler/report.ts';
import { WorkerStatusReader } from '../scaler/statuses.ts';
import { bootOf, type Site } from './site.ts';

export interface ClusterSiteOptions {
  /** The cluster's output bucket, where workers report. */
  output: Store;
  env: NodeJS.ProcessEnv;
  /** Submits a few fresh images and waits for their labels, unmeasured: workers come up for them. */
  submitSome(): Promise<void>;
  /** Says what is waited for. */
  progress(text: string): void;
  clock: Clock;
  signal: AbortSignal;
}

const LOOK_MS = 2000;
/** A controller that was killed leaves its last report behind. */
const CONTROLLER_FRESH_MS = reportStaleAfterMs(CONTROLLER_TIMING.aws);
/** Idle machines are kept for two minutes at most, unless --min keeps them for good. */
const MOST_WAIT_MS = 30 * 60_000;

/** How many workers a cluster has, and machines that are to become some. */
export async function countWorkers(output: Store, clock: Clock): Promise<number> {
  const ageMs = (atMs: number) => clock.nowMs() - atMs;
  const heard = await new WorkerStatusReader(output, clock).read();
  const workers = [...heard.values()].filter(
    ({ modifiedAtMs }) => ageMs(modifiedAtMs) < WORKER_GONE_MS,
  ).length;
  const report = await readReport(output);
  const machines =
    report !== undefined && ageMs(report.updatedAtMs) < CONTROLLER_FRESH_MS
      ? report.machines.filter(({ phase }) => phase !== 'stopped').length
      : 0;
  return Math.max(workers, machines);
}

/** Measures on a cluster that must have a controller. Nothing of it has to be closed: its fleet is its own. */
export function openClusterSite(options: ClusterSiteOptions): Site {
  const { output, env, submitSome, progress, clock, signal } = options;
  const place = { env, leave: async () => {} };

  let isWarmedUp = false;

  async function pause(ms: number): Promise<void> {
    await clock.sleep(ms, signal);
    signal.throwIfAborted();
  }

  async function untilNoWorker(): Promise<void> {
    const startMs = clock.monotonicMs();
    for (;;) {
      const count = await countWorkers(output, clock);
      if (count === 0) return;
      if (clock.monotonicMs() - startMs > MOST_WAIT_MS)
        throw new ImgclsError(
          'transient',
          `The cluster does not get rid of its workers: ${count} ${count === 1 ? 'is' : 'are'} there.`,
          {
            hint: 'A cold start is one without workers. Is a controller running, and --min 0?',
          },
        );
      progress(`waiting until no worker runs; now ${count}`);
      await pause(LOOK_MS);
    }
  }

  /** The first to work of those that were not there before. */
  async function newWorker(before: ReadonlySet<string>): Promise<WorkerStatus> {
    const startMs = clock.monotonicMs();
    while (clock.monotonicMs() - startMs < WORKER_GONE_MS) {
      const statuses = await readStatuses(output, clock);
      const working = statuses.filter(({ id, boot }) => !before.has(id) && boot.firstResultMs !== undefined);
      const [first] = working.toSorted((a, b) => a.startedAtMs - b.startedAtMs);
      if (first !== undefined) return first;
      await pause(LOOK_MS / 4);
    }
    throw new ImgclsError('transient', 'No worker has reported how it booted.');
  }

  return {
    async place(start) {
      if (start === 'cold') await untilNoWorker();
      // Those that run may have another model; they may also have been ended for want of work since the last repetition.
      if (start === 'warm' && (!isWarmedUp || (await countWorkers(output, clock)) === 0)) {
        await submitSome();
        isWarmedUp = true;
      }
      return place;
    },
    async boot() {
      await untilNoWorker();
      // What was killed has left its report.
      const before = new Set((await readStatuses(output, clock)).map(({ id }) => id));
      await submitSome();
      return bootOf(await newWorker(before));
    },
    async workerKinds() {
      const kinds = (await readReport(output))?.machines.flatMap(({ kind }) => kind ?? []) ?? [];
      return [...new Set(kinds)].sort();
    },
    close: async () => {},
  };
}

async function readStatuses(output: Store, clock: Clock): Promise<WorkerStatus[]> {
  return [...(await new WorkerStatusReader(output, clock).read()).values()].flatMap(
    ({ status }) => status ?? [],
  );
}
