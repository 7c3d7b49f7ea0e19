import type { Clock } from '../core/runtime/clock.ts';
import { messageOf } from '../core/runtime/errors.ts';
import type { RunSettings } from './settings.ts';

/** A call that was woken expects work for as long, so there is no need for another one (src/lambda/handler.ts). */
const WAKE_EVERY_MS = 60_000;
/** The end of a command waits no longer for a call on its way. */
const CALL_MS = 3_000;

export interface Waker {
  /** Says that work is on its way. Returns at once and never fails: a schedule calls the controller within a minute. */
  wake(): void;
  /** Waits for a call on its way. */
  close(): Promise<void>;
}

/** Wakes the controller of a cluster that AWS Lambda runs; undefined for other clusters. */
export function openWaker(settings: RunSettings, clock: Pick<Clock, 'monotonicMs'>): Waker | undefined {
  const { controllerFunction } = settings;
  if (controllerFunction === undefined) return undefined;
  let wokenAtMs = Number.NEGATIVE_INFINITY;
  let calling = Promise.resolve();
  return {
    wake() {
      if (clock.monotonicMs() - wokenAtMs < WAKE_EVERY_MS) return;
      wokenAtMs = clock.monotonicMs();
      calling = callOnce(controllerFunction).catch(async (error) => {
        const { openLog } = await import('./log.ts');
        openLog(settings).debug({ error: messageOf(error) }, 'Could not wake the controller.');
      });
    },
    close: () => calling,
  };
}

async function callOnce(name: string): Promise<void> {
  const { createControllerCalls } = await import('../aws/functions.ts');
  const calls = createControllerCalls(name);
  try {
    await calls.wake(AbortSignal.timeout(CALL_MS));
  } finally {
    calls.end();
  }
}
