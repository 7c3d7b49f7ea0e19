import type { Store } from '../core/cloud/ports.ts';
import { liveReports } from '../core/fleet/worker-reports.ts';
import type { Clock } from '../core/runtime/clock.ts';

/** With one poll more this is ten seconds: by then a waiter warns that there are no workers. */
const WATCH_MS = 8000;
const POLL_MS = 2000;

/** Whether a live worker's status appears within eight seconds. True also if the watch is aborted or cannot read. */
export async function watchForWorkers(options: {
  output: Store;
  clock: Clock;
  signal: AbortSignal;
}): Promise<boolean> {
  const { output, clock, signal } = options;
  const untilMs = clock.monotonicMs() + WATCH_MS;
  try {
    while (clock.monotonicMs() < untilMs && !signal.aborted) {
      for await (const _ of liveReports(output, clock, signal)) return true;
      await clock.sleep(POLL_MS, signal);
    }
  } catch {
    // The waiter itself reports errors of the store.
    return true;
  }
  return signal.aborted;
}
