/** Records of dead letters: reads them, finds their jobs, and redrives or deletes them. */
import { Readable } from 'node:stream';
import type { Cloud, Store } from '../core/cloud/ports.ts';
import { readObject } from '../core/cloud/read-object.ts';
import { type DeadLetter, deadLetter } from '../core/job/dead-letter.ts';
import { IndexRanges } from '../core/job/index-ranges.ts';
import { DEAD_LETTERS_PREFIX, deadLetterKey, requestQueueName } from '../core/job/keys.ts';
import { parseRequest, type RequestMessage } from '../core/job/messages.ts';
import { listShards, rangeOf } from '../core/job/shard.ts';
import { isUnreadable, NewerVersionError, ObjectMissingError, PoisonError } from '../core/runtime/errors.ts';
import { parseVersioned } from '../core/runtime/versioned.ts';
import { listAttempts } from './ledger.ts';

/** A record that cannot be parsed: why, and its text. */
export interface UnreadableDeadLetter {
  messageId: string;
  unreadable: string;
  text: string;
}

export type KeptDeadLetter = DeadLetter | UnreadableDeadLetter;

export const isReadable = (letter: KeptDeadLetter): letter is DeadLetter => !('unreadable' in letter);

/** Records read at a time. */
const CONCURRENCY = 8;

/** All records of dead letters. Skips a record that is deleted meanwhile. */
export function readDeadLetters(output: Store, signal?: AbortSignal): AsyncIterable<KeptDeadLetter> {
  const options = signal && { signal };
  const read = async ({ key }: { key: string }): Promise<KeptDeadLetter[]> => {
    const messageId = key.slice(DEAD_LETTERS_PREFIX.length).replace(/\.json$/, '');
    try {
      return [await readDeadLetter(output, messageId, signal)];
    } catch (error) {
      if (error instanceof ObjectMissingError) return [];
      throw error;
    }
  };
  return Readable.from(output.list(DEAD_LETTERS_PREFIX, options)).flatMap(read, {
    concurrency: CONCURRENCY,
    ...options,
  });
}

/** @throws {ObjectMissingError} when there is no such record. */
export async function readDeadLetter(
  output: Store,
  messageId: string,
  signal?: AbortSignal,
): Promise<KeptDeadLetter> {
  const parse = (text: string) => parseDeadLetter(text, messageId);
  try {
    return (await readObject(output, deadLetterKey(messageId), parse, signal && { signal })).value;
  } catch (error) {
    if (isUnreadable(error)) return { messageId, unreadable: error.message, text: '' };
    throw error;
  }
}

function parseDeadLetter(text: string, messageId: string): KeptDeadLetter {
  try {
    return parseVersioned(deadLetter, text, `dead letter ${messageId}`);
  } catch (error) {
    if (error instanceof PoisonError || error instanceof NewerVersionError)
      return { messageId, unreadable: error.message, text };
    throw error;
  }
}

/** The request of a dead letter. Undefined if this version of imgcls cannot parse it. Pure. */
export function requestOf({ body }: Pick<DeadLetter, 'body'>): RequestMessage | undefined {
  try {
    const request = parseRequest(body);
    rangeOf(request);
    return request;
  } catch (error) {
    if (error instanceof PoisonError || error instanceof NewerVersionError) return undefined;
    throw error;
  }
}

/** The job of a dead letter. Undefined if it is not known. Pure. */
export const jobOf = (letter: KeptDeadLetter): string | undefined =>
  isReadable(letter) ? (letter.job ?? requestOf(letter)?.job) : undefined;

/** Newest first. Unreadable records, which have no time, come last. Pure. */
export const newestFirst = (letters: readonly KeptDeadLetter[]): KeptDeadLetter[] =>
  letters.toSorted((a, b) => receivedAtMs(b) - receivedAtMs(a));

const receivedAtMs = (letter: KeptDeadLetter): number => (isReadable(letter) ? letter.receivedAtMs : 0);

/** The dead letters of one job, and their images. */
export interface JobDeadLetters {
  job: string;
  letters: DeadLetter[];
  indexes: Set<number>;
}

/** Groups dead letters by job, in the order of their first letter. Skips letters without a request. Pure. */
export function byJob(letters: readonly DeadLetter[]): JobDeadLetters[] {
  const jobs = new Map<string, JobDeadLetters>();
  for (const letter of letters) {
    const request = requestOf(letter);
    if (request === undefined) continue;
    const { job, images } = request;
    const known = jobs.get(job) ?? { job, letters: [], indexes: new Set() };
    jobs.set(job, known);
    known.letters.push(letter);
    for (const { index } of images) known.indexes.add(index);
  }
  return [...jobs.values()];
}

/** Dead letters with an image that has no outcome: the drain could not read them. The images of all others have at least an error. */
export async function withMissingOutcomes(
  output: Store,
  letters: readonly DeadLetter[],
  signal?: AbortSignal,
): Promise<DeadLetter[]> {
  const found: DeadLetter[] = [];
  for (const letter of letters) {
    const request = requestOf(letter);
    if (request !== undefined && (await isMissingOutcomes(output, request, signal))) found.push(letter);
  }
  return found;
}

/** Whether an image of the request has no outcome of its attempt or a later one. */
async function isMissingOutcomes(
  output: Store,
  request: RequestMessage,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { job } = request;
  const range = rangeOf(request);
  const coverage = new IndexRanges();
  for (const attempt of await listAttempts(output, job, signal)) {
    if (attempt < range.attempt) continue;
    for await (const shard of listShards(output, job, { attempt, from: range.first, signal })) {
      if (shard.first > range.last) break;
      coverage.add(shard);
    }
  }
  return coverage.holes(range).length > 0;
}

/** Sends the messages of a job's dead letters to the request queue, unchanged. */
export const redriveMessages = (
  { queues, cluster }: Pick<Cloud, 'queues' | 'cluster'>,
  { job, letters }: Pick<JobDeadLetters, 'job' | 'letters'>,
  signal?: AbortSignal,
): Promise<void> =>
  queues.open(requestQueueName(cluster)).send(
    letters.map(({ body }) => ({ body, groupId: job })),
    signal,
  );

export const removeDeadLetters = (
  output: Store,
  letters: readonly { messageId: string }[],
  signal?: AbortSignal,
): Promise<void> =>
  output.delete(
    letters.map(({ messageId }) => deadLetterKey(messageId)),
    signal,
  );
