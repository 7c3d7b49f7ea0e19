import type { Store } from '../core/cloud/ports.ts';
import { liveReports } from '../core/fleet/worker-reports.ts';
import type { Clock } from '../core/runtime/clock.ts';

/** A waiter says so within ten seconds when nothing is there to do the work. */
const PATIENCE_MS = 8000;
const POLL_MS = 2000;

/** Whether a worker's status shows up while one waits a little. An aborted watch, or one that cannot read, found some. */
export async function watchForWorkers(options: {
  output: Store;
  clock: Clock;
  signal: AbortSignal;
}): Promise<boolean> {
  const { output, clock, signal } = options;
  const untilMs = clock.monotonicMs() + PATIENCE_MS;
  try {
    while (clock.monotonicMs() < untilMs && !signal.aborted) {
      for await (const _ of liveReports(output, clock, signal)) return true;
      await clock.sleep(POLL_MS, signal);
    }
  } catch {
    // Whatever keeps the store from being read is told by the wait itself.
    return true;
  }
  return signal.aborted;
}
