import * as z from 'zod';
import { formatVersion } from '../runtime/versioned.ts';
import { anyJobId } from './job.ts';
import { traceId } from './trace.ts';

/** `dlq/<messageId>.json`: a message that nobody could finish, kept for people. Times are milliseconds since 1970. */
export const deadLetter = z.object({
  v: formatVersion,
  messageId: z.string(),
  receivedAtMs: z.number(),
  sentAtMs: z.number(),
  /** How often workers received it, at least. */
  tries: z.int().nonnegative(),
  /** Why it is here, as far as can be told. */
  why: z.string(),
  /** As it was sent, whatever it is. */
  body: z.string(),
  /** Absent where the message does not say so in a way that can be read. */
  job: anyJobId.optional(),
  trace: traceId.optional(),
});
export type DeadLetter = z.infer<typeof deadLetter>;
