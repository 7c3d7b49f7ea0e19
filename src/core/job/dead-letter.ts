import * as z from 'zod';
import type { Store } from '../cloud/ports.ts';
import { formatVersion } from '../runtime/versioned.ts';
import { anyJobId } from './job.ts';
import { type BatchPlace, begunKey } from './keys.ts';
import { MAX_RECEIVE_COUNT } from './messages.ts';
import { traceId } from './trace.ts';

/** `dlq/<messageId>.json`: a dead letter, kept for inspection. Times are milliseconds since 1970. */
export const deadLetter = z.object({
  v: formatVersion,
  messageId: z.string(),
  receivedAtMs: z.number(),
  sentAtMs: z.number(),
  /** Lower bound of its receive count. */
  tries: z.int().nonnegative(),
  /** Why it is a dead letter, as far as known. */
  why: z.string(),
  /** The message as it was sent, valid or not. */
  body: z.string(),
  /** Absent if the message cannot be parsed. */
  job: anyJobId.optional(),
  trace: traceId.optional(),
});
export type DeadLetter = z.infer<typeof deadLetter>;

/**
 * Marks of batches that workers have begun late in their life. Workers release messages that they have not begun, too, and
 * each delivery counts: that a message became a dead letter does not say that its images are at fault.
 *
 * From this number of deliveries on, a worker marks what it begins. Few messages get there, so marks cost next to nothing.
 */
export const MARKED_FROM_RECEIVES = MAX_RECEIVE_COUNT / 2;

/** If the batch becomes a dead letter from now on, its images get errors. */
export async function markBegun(output: Store, place: BatchPlace, signal: AbortSignal): Promise<void> {
  await output.put(begunKey(place), new Uint8Array(), { signal });
}

export const isBegun = async (output: Store, place: BatchPlace, signal: AbortSignal): Promise<boolean> =>
  (await output.head(begunKey(place), signal)) !== undefined;
