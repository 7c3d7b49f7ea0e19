/** What S3 puts into the request queue: that objects have come or gone, and once, at set-up, that it can. */
import * as z from 'zod';
import { PoisonError } from '../runtime/errors.ts';
import { checkVersioned, firstIssue, parseJson } from '../runtime/versioned.ts';
import { MAX_BATCH, type RequestMessage, requestMessage } from './messages.ts';

/**
 * One object. Those that have come have an `eTag`; servers other than AWS's may leave out the `sequencer`, which tells
 * the versions of a key apart. Minor versions add fields, and only a major one changes them.
 */
const s3Event = z.object({
  eventVersion: z.string().regex(/^2\.\d+$/, 'must be 2.x'),
  eventSource: z.string().regex(/^[a-z]+:s3$/, 'must be one of S3'),
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

/** S3 sends one event a message; the format has room for more. */
const s3Events = z.object({ Records: z.array(s3Event).min(1).max(MAX_BATCH) });

const testEvent = z.object({ Service: z.literal('Amazon S3'), Event: z.literal('s3:TestEvent') });

export interface Notification {
  /** None where S3 has only tried whether its messages arrive. */
  events: readonly S3Event[];
}

/** What may stand in the request queue. */
export type QueueMessage = { request: RequestMessage } | { notification: Notification };

/**
 * @throws {PoisonError} when it is neither.
 * @throws {NewerVersionError} when a newer imgcls wrote it.
 */
export function parseMessage(text: string): QueueMessage {
  const what = 'request message';
  const value = parseJson(text, what);
  return isNotification(value)
    ? { notification: toNotification(value) }
    : { request: checkVersioned(requestMessage, value, what) };
}

/** Whether it is one of S3's, right or wrong. */
const isNotification = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && ('Records' in value || 'Event' in value);

function toNotification(value: unknown): Notification {
  if (testEvent.safeParse(value).success) return { events: [] };
  const parsed = s3Events.safeParse(value);
  if (parsed.success) return { events: parsed.data.Records };
  throw new PoisonError(`The notification of S3 has the wrong shape: ${firstIssue(parsed.error)}`);
}
