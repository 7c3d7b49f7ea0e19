import type { ErrorCode } from '../../core/model/outcome.ts';

/** How a model runner ended while it held images. */
export type DeathCause = 'crash' | 'timeout';

/** How many runners ended while the image was alone in them. */
export interface CrashRecord {
  crashes: number;
  timeouts: number;
}

export const CLEAN: CrashRecord = { crashes: 0, timeouts: 0 };

/** An image that ended so many runners alone is the cause. A single end may have another one, such as a lack of memory. */
const ENDED_RUNNERS = 2;

/**
 * Adds the end of a runner that held only this image to the image's record. The error code is set once the image is to
 * blame.
 *
 * When a runner ends with several images, each of them is retried alone, in a runner without others. Splitting them in
 * halves would find the culprit too, but each wrong half costs a new process and a model load, and an innocent image
 * alone costs no more than in a batch: 16 images with one culprit end 3 runners this way, and 6 by halves.
 */
export function attributeCrash(
  record: CrashRecord,
  cause: DeathCause,
): { record: CrashRecord; errorCode: ErrorCode | undefined } {
  const crashes = record.crashes + (cause === 'crash' ? 1 : 0);
  const timeouts = record.timeouts + (cause === 'timeout' ? 1 : 0);
  let errorCode: ErrorCode | undefined;
  if (crashes >= ENDED_RUNNERS) errorCode = 'worker_crash';
  else if (timeouts >= ENDED_RUNNERS) errorCode = 'deadline';
  return { record: { crashes, timeouts }, errorCode };
}
