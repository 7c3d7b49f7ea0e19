import * as z from 'zod';
import { formatVersion } from '../runtime/versioned.ts';
import { anyJobId } from './job.ts';
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
