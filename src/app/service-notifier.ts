import type { Clock } from '../core/runtime/clock.ts';

/** Tells what runs this process whether it is ready and well. */
export interface ServiceNotifier {
  /**
   * The process has started.
   * @param stalled names the loops that have stalled. While there are any, no heartbeat is sent.
   */
  ready(status: string, stalled: () => readonly string[]): void;
  /** The process is about to end. */
  stopping(status: string): void;
  /** Resolves when all notifications are sent. */
  close(): Promise<void>;
}

/** Sends heartbeats until the signal aborts, except while loops are stalled. Each stall is reported once. */
export async function sendHeartbeats({
  everyMs,
  stalled,
  send,
  warn,
  clock,
  signal,
}: {
  everyMs: number;
  /** The names of the loops that have stalled. */
  stalled: () => readonly string[];
  send: () => Promise<void>;
  warn: (loops: string) => void;
  clock: Pick<Clock, 'sleep'>;
  signal: AbortSignal;
}): Promise<void> {
  let hasStalled = false;
  while (!signal.aborted) {
    const loops = stalled();
    if (loops.length === 0) await send();
    else if (!hasStalled) warn(loops.join(', '));
    hasStalled = loops.length > 0;
    await clock.sleep(everyMs, signal);
  }
}
