import type { ErrorCode } from '../../core/model/outcome.ts';

/** How a model runner came to its end with images in it. */
export type DeathCause = 'crash' | 'timeout';

/** What an image did to runners in which it was the only one. */
export interface CrashRecord {
  crashes: number;
  timeouts: number;
}

export const CLEAN: CrashRecord = { crashes: 0, timeouts: 0 };

/** So often must an image end a runner, alone, before it is its fault: once may be chance (memory, a machine in trouble). */
const ENDED_RUNNERS = 2;

/**
 * An image's record after a runner ended with nothing else in it, and the error that it gets for it, if any.
 *
 * When a runner ends with several images in it, each of them goes on alone, in a runner without others. Halving them
 * would find the guilty one too, but every wrong half costs a new process and a model load, while an innocent
 * image alone costs no more than in a batch: 16 images with one killer among them end 3 runners this way, and 6 by halves.
 */
export function attributeCrash(
  record: CrashRecord,
  cause: DeathCause,
): { record: CrashRecord; verdict: ErrorCode | undefined } {
  const crashes = record.crashes + (cause === 'crash' ? 1 : 0);
  const timeouts = record.timeouts + (cause === 'timeout' ? 1 : 0);
  let verdict: ErrorCode | undefined;
  if (crashes >= ENDED_RUNNERS) verdict = 'worker_crash';
  else if (timeouts >= ENDED_RUNNERS) verdict = 'deadline';
  return { record: { crashes, timeouts }, verdict };
}
