import * as z from 'zod';
import { modelRef } from '../model/model.ts';
import { outcome } from '../model/outcome.ts';
import { checkVersioned, FORMAT, formatVersion, parseVersioned } from '../runtime/versioned.ts';
import { MAX_BATCH } from './batches.ts';
import { attempt, jobId, requestImage, topK } from './job.ts';
import { traceId } from './trace.ts';

/** Messages stay below 256 KB, the limit of older SQS endpoints, with room for attributes. */
export const MAX_MESSAGE_BYTES = 250_000;

/** A request message that was received this often without being acknowledged becomes a dead letter. */
export const MAX_RECEIVE_COUNT = 20;

/** The format of request messages with more images than the first imgcls reads: its workers hide them and become outdated. */
export const LARGE_BATCH_FORMAT = 2;

/** The format of request messages with images in packs that are larger than older versions read. */
export const PACKS_FORMAT = 3;

/** The format of request messages of a job with labels of its own: older versions know only those of the model. */
export const REQUEST_FORMAT = 4;

/** A batch of consecutive images to classify. */
export const requestMessage = z.object({
  v: z.int().min(FORMAT).max(REQUEST_FORMAT),
  job: jobId,
  /** The trace of the job. Absent in messages of an older imgcls. */
  trace: traceId.optional(),
  attempt,
  model: modelRef,
  topK,
  /** Name of the waiter's response queue. Absent if there is no waiter. */
  replyTo: z.string().optional(),
  /** How long its waiter waits, from the send on. Absent if the outcomes are kept. Workers of an older imgcls ignore it. */
  timeoutMs: z.int().positive().optional(),
  images: z.array(requestImage).min(1).max(MAX_BATCH),
});
export type RequestMessage = z.infer<typeof requestMessage>;

/** Tells a waiter that the ledger has the shard of this range. `outcomes` is its content, if that fits. */
export const responseMessage = z.object({
  v: formatVersion,
  job: jobId,
  /** The trace of the request. */
  trace: traceId.optional(),
  attempt,
  first: z.int().nonnegative(),
  last: z.int().nonnegative(),
  worker: z.string(),
  outcomes: z.array(outcome).optional(),
});
export type ResponseMessage = z.infer<typeof responseMessage>;

const WHAT = 'request message';

export const parseRequest = (text: string): RequestMessage =>
  parseVersioned(requestMessage, text, WHAT, REQUEST_FORMAT);
/** As {@link parseRequest}, for parsed JSON. */
export const checkRequest = (value: unknown): RequestMessage =>
  checkVersioned(requestMessage, value, WHAT, REQUEST_FORMAT);

export const parseResponse = (text: string): ResponseMessage =>
  parseVersioned(responseMessage, text, 'response message');

/** A message as text for a queue. Escapes two characters that SQS refuses and JSON does not escape. */
export function messageText(message: RequestMessage | ResponseMessage): string {
  return JSON.stringify(message).replace(
    /[\uFFFE\uFFFF]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16)}`,
  );
}
