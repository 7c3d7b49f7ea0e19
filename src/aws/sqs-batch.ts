/** SQS takes entries by the ten, and refuses some of them while it takes others. */
import { ImgclsError } from '../core/runtime/errors.ts';
import { isTransientCode } from './errors.ts';
import { MAX_RETRIES, type Timing, waitToRetry } from './retry.ts';

const MAX_ENTRIES = 10;
/** All bodies of a batch together; older endpoints take no more. */
const MAX_BATCH_BYTES = 262_144;
const BATCHES_AT_ONCE = 4;

interface BatchEntry {
  /** Unique among the entries. */
  id: string;
  /** What it counts towards the size of a batch. */
  bytes: number;
}

/** What the three batch calls of SQS answer. */
export interface BatchAnswer {
  Successful?: { Id: string | undefined }[] | undefined;
  Failed?: BatchFailure[] | undefined;
}
interface BatchFailure {
  Id: string | undefined;
  Code: string | undefined;
  SenderFault: boolean | undefined;
  Message?: string | undefined;
}

interface Refusal<E> {
  entry: E;
  code: string;
  message: string;
}

/** Splits entries so that each batch keeps SQS's limits; an entry above them all travels alone. */
export function splitEntries<E extends BatchEntry>(entries: readonly E[]): E[][] {
  const batches: E[][] = [];
  let batch: E[] = [];
  let bytes = 0;
  for (const entry of entries) {
    if (batch.length > 0 && (batch.length === MAX_ENTRIES || bytes + entry.bytes > MAX_BATCH_BYTES)) {
      batches.push(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(entry);
    bytes += entry.bytes;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

/**
 * Makes the call for all entries and answers those that SQS refuses for good. Entries that failed for a reason of
 * the service are sent again, alone.
 * @throws {ImgclsError} of kind `transient` when some failed to the last.
 */
export async function callInBatches<E extends BatchEntry>(
  what: string,
  entries: readonly E[],
  timing: Timing,
  signal: AbortSignal | undefined,
  call: (batch: E[]) => Promise<BatchAnswer>,
): Promise<Refusal<E>[]> {
  const refused: Refusal<E>[] = [];
  let pending = entries;
  for (let retry = 0; pending.length > 0; retry++) {
    const again: Refusal<E>[] = [];
    await eachOf(splitEntries(pending), async (batch) => {
      for (const each of refusalsOf(batch, await call(batch))) (each.lasting ? refused : again).push(each);
    });
    const [first] = again;
    if (first === undefined) break;
    if (retry >= MAX_RETRIES) {
      throw new ImgclsError(
        'transient',
        `Could not ${what}: SQS failed for ${again.length} of ${entries.length} entries (${first.code}: ${first.message}).`,
      );
    }
    pending = again.map(({ entry }) => entry);
    await waitToRetry(timing, retry, signal);
  }
  return refused;
}

/** Every entry that is not in the list of successes has failed, whether the answer names it or not. */
function refusalsOf<E extends BatchEntry>(
  batch: E[],
  { Successful = [], Failed = [] }: BatchAnswer,
): (Refusal<E> & { lasting: boolean })[] {
  const done = new Set(Successful.map(({ Id }) => Id));
  return batch
    .filter(({ id }) => !done.has(id))
    .map((entry) => {
      const failure = Failed.find(({ Id }) => Id === entry.id);
      const code = failure?.Code ?? 'Unanswered';
      return {
        entry,
        code,
        message: failure?.Message ?? 'no reason given',
        lasting: failure?.SenderFault === true && !isTransientCode(code),
      };
    });
}

/** A few at once. After a failure no more are begun; those under way are waited for. */
async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  let failed = false;
  const lane = async (): Promise<void> => {
    for (const item of rest) {
      if (failed) return;
      try {
        await work(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: BATCHES_AT_ONCE }, lane));
  const broken = lanes.find((each) => each.status === 'rejected');
  if (broken !== undefined) throw broken.reason;
}
