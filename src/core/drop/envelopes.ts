/** Notifications of S3 that do not come from S3 itself: through an SNS topic, or from EventBridge. */
import * as z from 'zod';
import { parseJson } from '../runtime/versioned.ts';

/** @see https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html */
const snsMessage = z.object({ Type: z.literal('Notification'), TopicArn: z.string(), Message: z.string() });

/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html */
const eventBridgeEvent = z.object({
  source: z.literal('aws.s3'),
  'detail-type': z.string(),
  time: z.string(),
  detail: z.object({
    bucket: z.object({ name: z.string() }),
    object: z.object({ key: z.string(), etag: z.string().optional(), sequencer: z.string().optional() }),
  }),
});

/** Types of EventBridge, by the name that S3 gives the same event. Others, such as changed tags, say nothing of a drop. */
const EVENT_NAMES: Readonly<Record<string, string>> = {
  'Object Created': 'ObjectCreated:Put',
  'Object Deleted': 'ObjectRemoved:Delete',
};

/**
 * The notification as S3 itself would send it; undefined if the message is in no envelope.
 * @throws {PoisonError} if an SNS topic delivered something that is not JSON.
 */
export function unwrapNotification(value: unknown): unknown {
  const sns = snsMessage.safeParse(value);
  if (sns.success) {
    const inside = parseJson(sns.data.Message, 'message of an SNS topic');
    return unwrapNotification(inside) ?? inside;
  }
  const event = eventBridgeEvent.safeParse(value);
  return event.success ? asSentByS3(event.data) : undefined;
}

function asSentByS3({ 'detail-type': type, time, detail }: z.infer<typeof eventBridgeEvent>): unknown {
  const eventName = EVENT_NAMES[type] ?? type;
  const { key, etag, sequencer } = detail.object;
  // S3 encodes keys, EventBridge does not.
  const object = { key: encodeURIComponent(key), eTag: etag, sequencer };
  return {
    Records: [
      {
        eventVersion: '2.1',
        eventSource: 'aws:s3',
        eventTime: time,
        eventName,
        s3: { bucket: detail.bucket, object },
      },
    ],
  };
}
