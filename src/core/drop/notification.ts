/**
 * Notifications that S3 sends to the request queue, itself, through an SNS topic or through EventBridge: of created and
 * deleted objects, and a test event at set-up.
 */
import * as z from 'zod';
import { SMALL_BATCH } from '../job/batches.ts';
import { checkRequest, type RequestMessage } from '../job/messages.ts';
import { PoisonError } from '../runtime/errors.ts';
import { firstIssue, parseJson } from '../runtime/versioned.ts';
import { unwrapNotification } from './envelopes.ts';

/**
 * The event of one object. A created object has an `eTag`. Servers other than AWS's may leave out the `sequencer`, which
 * orders the versions of a key. Minor versions of the format add fields; only a major one changes them.
 */
const s3Event = z.object({
  eventVersion: z.string().regex(/^2\.\d+$/, 'must be 2.x'),
  eventSource: z.string().regex(/^[a-z]+:s3$/, 'must be of S3'),
  eventTime: z.iso.datetime(),
  eventName: z.string(),
  s3: z.object({
    bucket: z.object({ name: z.string() }),
    object: z.object({
      key: z.string(),
      eTag: z.string().max(256).optional(),
      sequencer: z.string().max(256).optional(),
    }),
  }),
});
export type S3Event = z.infer<typeof s3Event>;

/** S3 sends one event per message; the format allows more. */
const s3Events = z.object({ Records: z.array(s3Event).min(1).max(SMALL_BATCH) });

const testEvent = z.object({ Service: z.literal('Amazon S3'), Event: z.literal('s3:TestEvent') });

export interface Notification {
  /** Empty for S3's test event. */
  events: readonly S3Event[];
}

/** A message of the request queue. */
export type QueueMessage = { request: RequestMessage } | { notification: Notification };

/**
 * @throws {PoisonError} when it is neither.
 * @throws {NewerVersionError} when a newer imgcls wrote it.
 */
export function parseMessage(text: string): QueueMessage {
  const sent = parseJson(text, 'request message');
  const value = unwrapNotification(sent) ?? sent;
  return isNotification(value) ? { notification: toNotification(value) } : { request: checkRequest(value) };
}

/** Whether it is a notification of S3, valid or not. */
const isNotification = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && ('Records' in value || 'Event' in value);

function toNotification(value: unknown): Notification {
  if (testEvent.safeParse(value).success) return { events: [] };
  const parsed = s3Events.safeParse(value);
  if (parsed.success) return { events: parsed.data.Records };
  throw new PoisonError(`The S3 notification has the wrong format: ${firstIssue(parsed.error)}.`);
}
