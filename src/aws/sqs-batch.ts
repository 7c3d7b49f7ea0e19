/** Batch requests of SQS: up to ten entries, some of which may fail while the others succeed. */
import { ImgclsError } from '../core/runtime/errors.ts';
import { isTransientCode } from './errors.ts';
import { MAX_RETRIES, type Timing, waitToRetry } from './retry.ts';

const MAX_ENTRIES = 10;
/** For all bodies of a batch together. Older endpoints accept no more. */
const MAX_BATCH_BYTES = 262_144;
const BATCHES_AT_ONCE = 4;

/**
 * Codes for a receipt whose lease has expired. A standard queue does not always report it: it may accept an old receipt,
 * or delete by one.
 */
const LOST_CODES = [
  'ReceiptHandleIsInvalid',
  'MessageNotInflight',
  'InvalidParameterValue',
  'InvalidParameterValueException',
  'InvalidIdFormat',
];

interface BatchEntry {
  /** Unique among the entries. */
  id: string;
  /** Its part of the size of a batch. */
  bytes: number;
}

/** The response of the three batch calls of SQS. */
export interface BatchResponse {
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

/** Splits entries into batches within SQS's limits. An entry above the limit gets a batch of its own. */
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
 * Makes the call for all entries and returns those with a permanent error. Entries with a transient error are retried
 * without the others.
 * @throws {ImgclsError} of kind `transient` if some still fail at the last retry.
 */
export async function callInBatches<E extends BatchEntry>(
  what: string,
  entries: readonly E[],
  timing: Timing,
  signal: AbortSignal | undefined,
  call: (batch: E[]) => Promise<BatchResponse>,
): Promise<Refusal<E>[]> {
  const refused: Refusal<E>[] = [];
  let pending = entries;
  for (let retry = 0; pending.length > 0; retry++) {
    const failed: Refusal<E>[] = [];
    await eachOf(splitEntries(pending), async (batch) => {
      for (const each of refusalsOf(batch, await call(batch)))
        (each.isPermanent ? refused : failed).push(each);
    });
    const [first] = failed;
    if (first === undefined) break;
    if (retry >= MAX_RETRIES) {
      throw new ImgclsError(
        'transient',
        `Could not ${what}: SQS failed for ${failed.length} of ${entries.length} entries (${first.code}: ${first.message}).`,
      );
    }
    pending = failed.map(({ entry }) => entry);
    await waitToRetry(timing, retry, signal);
  }
  return refused;
}

/** Every entry that is not among the successes has failed, even if the response does not name it. */
function refusalsOf<E extends BatchEntry>(
  batch: E[],
  { Successful = [], Failed = [] }: BatchResponse,
): (Refusal<E> & { isPermanent: boolean })[] {
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
        // LocalStack calls a lost receipt no fault of the sender.
        isPermanent: isLostReceipt(code) || (failure?.SenderFault === true && !isTransientCode(code)),
      };
    });
}

export const isLostReceipt = (code: string): boolean =>
  LOST_CODES.includes(code.replace(/^AWS\.SimpleQueueService\./, ''));

/** Works on a few items at once. After a failure no more are started; those in progress are awaited. */
async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  let hasFailed = false;
  const workOn = async (): Promise<void> => {
    for (const item of rest) {
      if (hasFailed) return;
      try {
        await work(item);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: BATCHES_AT_ONCE }, workOn));
  const failure = results.find((each) => each.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}
