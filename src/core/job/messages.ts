import * as z from 'zod';
import { modelRef } from '../model/model.ts';
import { outcome } from '../model/outcome.ts';
import { formatVersion, parseVersioned } from '../runtime/versioned.ts';
import { attempt, jobId, requestImage, topK } from './job.ts';
import { traceId } from './trace.ts';

/** The most images of a request message. */
export const MAX_BATCH = 16;

/** Messages stay below 256 KB (older SQS endpoints); the rest is left for attributes. */
export const MAX_MESSAGE_BYTES = 250_000;

/** A request message that was received so often without being acknowledged becomes a dead letter. */
export const MAX_RECEIVE_COUNT = 20;

/** A batch of consecutive images to classify. */
export const requestMessage = z.object({
  v: formatVersion,
  job: jobId,
  /** The job's; absent in messages of an older imgcls. */
  trace: traceId.optional(),
  attempt,
  model: modelRef,
  topK,
  /** The waiter's response queue, by name; absent when nobody waits. */
  replyTo: z.string().optional(),
  images: z.array(requestImage).min(1).max(MAX_BATCH),
});
export type RequestMessage = z.infer<typeof requestMessage>;

/** A hint that the ledger has grown by the shard of this range; `outcomes` is its content where that fits. */
export const responseMessage = z.object({
  v: formatVersion,
  job: jobId,
  /** That of the request. */
  trace: traceId.optional(),
  attempt,
  first: z.int().nonnegative(),
  last: z.int().nonnegative(),
  worker: z.string(),
  outcomes: z.array(outcome).optional(),
});
export type ResponseMessage = z.infer<typeof responseMessage>;

export const parseRequest = (text: string): RequestMessage =>
  parseVersioned(requestMessage, text, 'request message');
export const parseResponse = (text: string): ResponseMessage =>
  parseVersioned(responseMessage, text, 'response message');

/** A message as the text of a queue. SQS refuses two characters that JSON leaves as they are. */
export function messageText(message: RequestMessage | ResponseMessage): string {
  return JSON.stringify(message).replace(
    /[\uFFFE\uFFFF]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16)}`,
  );
}
