/** An existing cluster on AWS, whose own controller launches and ends the machines. */

import type { Store } from '../core/cloud/ports.ts';
import { CONTROLLER_TIMING, reportStaleAfterMs } from '../core/fleet/controller-timing.ts';
import { WORKER_GONE_MS, type WorkerStatus } from '../core/fleet/fleet.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { pluralize } from '../core/text/pluralize.ts';
import { readReport } from '../scaler/report.ts';
import { WorkerStatusReader } from '../scaler/statuses.ts';
import { bootOf, type Site } from './site.ts';

export interface ClusterSiteOptions {
  /** The cluster's output bucket, with the workers' statuses. */
  output: Store;
  env: NodeJS.ProcessEnv;
  /** Submits a few new images and waits for their labels, unmeasured, so that a worker is launched. */
  submitWarmUp(): Promise<void>;
  /** Shows what the benchmark waits for. */
  progress(text: string): void;
  clock: Clock;
  signal: AbortSignal;
}

const POLL_MS = 2000;
/** An older report is of a controller that has ended. */
const CONTROLLER_FRESH_MS = reportStaleAfterMs(CONTROLLER_TIMING.aws);
/** Idle machines are kept for at most two minutes, unless --min keeps them. */
const MAX_WAIT_MS = 30 * 60_000;

/** The number of workers of a cluster, or of its machines if that is larger. */
export async function countWorkers(output: Store, clock: Clock): Promise<number> {
  const ageMs = (atMs: number) => clock.nowMs() - atMs;
  const observations = await new WorkerStatusReader(output, clock).read();
  const workers = [...observations.values()].filter(
    ({ modifiedAtMs }) => ageMs(modifiedAtMs) < WORKER_GONE_MS,
  ).length;
  const report = await readReport(output);
  const machines =
    report !== undefined && ageMs(report.updatedAtMs) < CONTROLLER_FRESH_MS
      ? report.machines.filter(({ phase }) => phase !== 'stopped').length
      : 0;
  return Math.max(workers, machines);
}

/** Measures on a cluster that has a controller. There is nothing to close: the fleet belongs to the cluster. */
export function openClusterSite(options: ClusterSiteOptions): Site {
  const { output, env, submitWarmUp: submitSome, progress, clock, signal } = options;
  const environment = { env, release: async () => {} };

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
      if (clock.monotonicMs() - startMs > MAX_WAIT_MS)
        throw new ImgclsError(
          'transient',
          `The cluster still has ${pluralize(count, 'worker')} after 30 minutes, but a cold start needs none.`,
          { hint: 'Check that a controller is running, with --min 0.' },
        );
      progress(`waiting until no worker runs (now ${count})`);
      await pause(POLL_MS);
    }
  }

  /** The earliest new worker that has done an image. */
  async function newWorker(before: ReadonlySet<string>): Promise<WorkerStatus> {
    const startMs = clock.monotonicMs();
    while (clock.monotonicMs() - startMs < WORKER_GONE_MS) {
      const statuses = await readStatuses(output, clock);
      const working = statuses.filter(({ id, boot }) => !before.has(id) && boot.firstResultMs !== undefined);
      const [first] = working.toSorted((a, b) => a.startedAtMs - b.startedAtMs);
      if (first !== undefined) return first;
      await pause(POLL_MS / 4);
    }
    throw new ImgclsError('transient', 'No new worker has reported its boot.');
  }

  return {
    async prepare(start) {
      if (start === 'cold') await untilNoWorker();
      // Running workers may have another model loaded, and idle ones may have ended since the last repetition.
      if (start === 'warm' && (!isWarmedUp || (await countWorkers(output, clock)) === 0)) {
        await submitSome();
        isWarmedUp = true;
      }
      return environment;
    },
    async boot() {
      await untilNoWorker();
      // Workers that were killed leave their status.
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
