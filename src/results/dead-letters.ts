/**
 * Drains the dead-letter queue. For each dead letter: keep a record for inspection, write error outcomes for its images so
 * that the job can finish, send them to the waiter, and only then delete the message. An interrupted drain is completed
 * by the next one.
 */

import type { Cloud, ReceivedMessage, Store } from '../core/cloud/ports.ts';
import { type Drop, dropsOf, placeOf } from '../core/drop/drop.ts';
import { parseMessage } from '../core/drop/notification.ts';
import type { Chore } from '../core/fleet/chore.ts';
import { type DeadLetter, isBegun, markBegun } from '../core/job/dead-letter.ts';
import { jobId } from '../core/job/job.ts';
import { isFinal, readJob } from '../core/job/job-record.ts';
import { type BatchPlace, deadLetterKey, deadLetterQueueName, requestQueueName } from '../core/job/keys.ts';
import { MAX_RECEIVE_COUNT, type RequestMessage } from '../core/job/messages.ts';
import { rangeOf } from '../core/job/shard.ts';
import { traceOf } from '../core/job/trace.ts';
import type { ImageError } from '../core/model/outcome.ts';
import type { Clock } from '../core/runtime/clock.ts';
import {
  isUnreadable,
  NewerVersionError,
  ObjectMissingError,
  PoisonError,
  PreconditionFailedError,
} from '../core/runtime/errors.ts';
import { FORMAT } from '../core/runtime/versioned.ts';
import { pluralize } from '../core/text/pluralize.ts';
import { writeDropErrors, writeErrorOutcomes } from './error-outcomes.ts';
import { forEachCollectingErrors } from './for-each-collecting-errors.ts';

const EVERY_MS = 10_000;
const MAX_LETTERS = 100;
/** SQS's limit of one receive. */
const RECEIVE = 10;
/** Long poll: a short one does not ask all hosts of the queue. */
const WAIT_MS = 1000;
/** Enough for {@link RECEIVE} letters of a few requests each. */
const LEASE_MS = 120_000;

/** Empties the dead-letter queue. */
export function drainDeadLetters(cloud: Cloud, clock: Clock): Chore {
  const queue = cloud.queues.open(deadLetterQueueName(cloud.cluster));
  return {
    name: 'dead-letter drain',
    everyMs: EVERY_MS,
    async run(signal, report) {
      for (let taken = 0; taken < MAX_LETTERS && !signal.aborted; ) {
        const letters = await queue.receive({
          max: RECEIVE,
          waitMs: WAIT_MS,
          leaseMs: LEASE_MS,
          stop: signal,
        });
        if (signal.aborted) {
          await queue.extend(
            letters.map(({ receipt }) => receipt),
            0,
          );
          break;
        }
        if (letters.length === 0) break;
        taken += letters.length;
        await forEachCollectingErrors(letters, async (letter) => {
          const found = await inspect(cloud, letter, signal);
          if (await sendAgain(cloud, letter, found, signal)) {
            await queue.delete([letter.receipt]);
            const job = placesOf(found)[0]?.job;
            report({
              text: `Sent message ${letter.id} again: no worker had begun it.`,
              job,
              trace: found.trace,
            });
            return;
          }
          if (found.kind === 'deleted') {
            await queue.delete([letter.receipt]);
            report({ text: `Deleted dead letter ${letter.id}: ${found.why}` });
            return;
          }
          const job = await storeRecord(cloud.output, letter, found, clock.nowMs(), signal);
          const error = { code: 'deadline' as const, message: `${found.why} ${whereKept(letter)}` };
          const images = await conclude(cloud, found, error, signal);
          await queue.delete([letter.receipt]);
          report({ text: describe(letter, found, images), job, trace: found.trace });
        });
      }
    },
  };
}

/**
 * - `unfinished`, `dropped`: its images need outcomes.
 * - `unwanted`: its job is over, or it has no image.
 * - `deleted`: its job was deleted, so that no name of its images may be kept.
 * - `unreadable`: a poison message, or one of a newer imgcls. The latter is removed too: its text is kept, and the requests
 *   of its images are sent again in a format that this cluster can read. So a rolling upgrade leaves no job unfinished.
 */
type Inspected = { why: string; tries: number; trace?: string | undefined } & (
  | { kind: 'unfinished'; request: RequestMessage }
  | { kind: 'dropped'; drops: Drop[] }
  | { kind: 'unwanted' | 'deleted' | 'unreadable' }
);

const NEVER_FINISHED = `was received ${MAX_RECEIVE_COUNT} times and never finished.`;

async function inspect(cloud: Cloud, { body }: ReceivedMessage, signal: AbortSignal): Promise<Inspected> {
  const tries = MAX_RECEIVE_COUNT;
  let trace: string | undefined;
  try {
    const message = parseMessage(body);
    if ('notification' in message) {
      const { drops } = dropsOf(message.notification, cloud.input.bucket);
      if (drops.length === 0)
        return { kind: 'unwanted', tries, why: 'The S3 notification has no dropped image.' };
      return { kind: 'dropped', tries, why: `The S3 notification ${NEVER_FINISHED}`, drops };
    }
    const { request } = message;
    trace = traceOf(request);
    rangeOf(request);
    const record = await readJob(cloud.output, request.job, signal).catch(undefinedIfUnreadable);
    if (record !== undefined && isFinal(record))
      return { kind: 'unwanted', tries, trace, why: `Job ${record.id} is ${record.state}.` };
    return { kind: 'unfinished', tries, trace, why: `The request message ${NEVER_FINISHED}`, request };
  } catch (error) {
    if (error instanceof ObjectMissingError)
      return { kind: 'deleted', tries, trace, why: 'Its job was deleted.' };
    // A worker moves poison messages here at the first receive, and releases messages of a newer version.
    if (error instanceof PoisonError) return { kind: 'unreadable', tries: 1, trace, why: error.message };
    if (error instanceof NewerVersionError) return { kind: 'unreadable', tries, why: error.message };
    throw error;
  }
}

/** A job whose record cannot be read may be unfinished. */
function undefinedIfUnreadable(error: unknown): undefined {
  if (!isUnreadable(error)) throw error;
}

/**
 * Sends a message again whose last deliveries no worker has begun: they say nothing about its images. The mark makes its
 * next dead letter final.
 */
async function sendAgain(
  { cluster, output, queues }: Cloud,
  { body, groupId }: ReceivedMessage,
  found: Inspected,
  signal: AbortSignal,
): Promise<boolean> {
  const places = placesOf(found);
  for (const place of places) if (await isBegun(output, place, signal)) return false;
  if (places.length === 0) return false;
  const message = { body, ...(groupId !== undefined && { groupId }) };
  await queues.open(requestQueueName(cluster)).send([message], signal);
  for (const place of places) await markBegun(output, place, signal);
  return true;
}

function placesOf(found: Inspected): BatchPlace[] {
  if (found.kind === 'dropped') return found.drops.map(placeOf);
  if (found.kind !== 'unfinished') return [];
  return [{ job: found.request.job, range: rangeOf(found.request) }];
}

/** @returns how many images got an outcome. */
async function conclude(
  cloud: Cloud,
  found: Inspected,
  error: ImageError,
  signal: AbortSignal,
): Promise<number> {
  switch (found.kind) {
    case 'unfinished':
      return await writeErrorOutcomes(cloud, found.request, error, signal);
    case 'dropped':
      return await writeDropErrors(cloud, found.drops, error, signal);
    default:
      return 0;
  }
}

/** Writes the record, unless it exists. @returns the job of the dead letter, if known. */
async function storeRecord(
  output: Store,
  message: ReceivedMessage,
  found: Inspected,
  receivedAtMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { id: messageId, sentAtMs, body } = message;
  const { why, tries, trace } = found;
  // The message group of a request is its job, even if the text cannot be parsed.
  const job = found.kind === 'dropped' ? found.drops[0]?.job : jobId.safeParse(message.groupId).data;
  const letter: DeadLetter = {
    v: FORMAT,
    messageId,
    receivedAtMs,
    sentAtMs,
    tries,
    why,
    body,
    ...(job !== undefined && { job }),
    trace,
  };
  try {
    const options = { only: 'absent', signal } as const;
    await output.put(deadLetterKey(messageId), Buffer.from(JSON.stringify(letter)), options);
  } catch (error) {
    if (!(error instanceof PreconditionFailedError)) throw error;
  }
  return job;
}

const whereKept = ({ id }: ReceivedMessage): string =>
  `Its message is kept as ${deadLetterKey(id)} in the output bucket.`;

function describe({ id }: ReceivedMessage, found: Inspected, images: number): string {
  const kept = `Recorded dead letter ${id}`;
  if (found.kind === 'unreadable') return `${kept}. It could not be read.`;
  return images > 0 ? `${kept}. ${pluralize(images, 'image')} got an error outcome.` : `${kept}.`;
}
