import { Readable } from 'node:stream';
import { type DeadLetter, deadLetter } from '../core/dead-letter.ts';
import { messageOf } from '../core/errors.ts';
import { DEAD_LETTERS_PREFIX, deadLetterKey } from '../core/keys.ts';
import { parseRequest, type RequestMessage } from '../core/messages.ts';
import type { Store } from '../core/ports.ts';
import { parseVersioned } from '../core/versioned.ts';

/** A letter that is kept and cannot be read. */
export interface UnreadableLetter {
  messageId: string;
  unreadable: string;
}

/** Letters read at once. */
const CONCURRENCY = 8;

/** The letters that are kept. */
export function readLetters(
  output: Store,
  signal?: AbortSignal,
): AsyncIterable<DeadLetter | UnreadableLetter> {
  const read = async ({ key }: { key: string }): Promise<DeadLetter | UnreadableLetter> => {
    const messageId = key.slice(DEAD_LETTERS_PREFIX.length).replace(/\.json$/, '');
    try {
      return await readLetter(output, messageId, signal);
    } catch (error) {
      signal?.throwIfAborted();
      return { messageId, unreadable: messageOf(error) };
    }
  };
  const options = signal && { signal };
  return Readable.from(output.list(DEAD_LETTERS_PREFIX, options)).map(read, {
    concurrency: CONCURRENCY,
    ...options,
  });
}

/** @throws {ObjectMissingError} when there is no such letter. */
export async function readLetter(
  output: Store,
  messageId: string,
  signal?: AbortSignal,
): Promise<DeadLetter> {
  const { body } = await output.get(deadLetterKey(messageId), signal && { signal });
  return parseVersioned(deadLetter, new TextDecoder().decode(body), `dead letter ${messageId}`);
}

/** The request that a letter holds, or undefined where this imgcls makes no sense of it. */
export function requestOf({ body }: Pick<DeadLetter, 'body'>): RequestMessage | undefined {
  try {
    return parseRequest(body);
  } catch {
    return undefined;
  }
}

/** The letters of one job, and the images that they are about. */
export interface JobLetters {
  job: string;
  letters: DeadLetter[];
  indexes: Set<number>;
}

/** Letters job by job; those without a request that can be read are left out. Pure. */
export function byJob(letters: readonly DeadLetter[]): JobLetters[] {
  const jobs = new Map<string, JobLetters>();
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

export const removeLetters = (
  output: Store,
  letters: readonly { messageId: string }[],
  signal?: AbortSignal,
): Promise<void> =>
  output.delete(
    letters.map(({ messageId }) => deadLetterKey(messageId)),
    signal,
  );
