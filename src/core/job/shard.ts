import type { PutOptions, Store } from '../cloud/ports.ts';
import { readObject } from '../cloud/read-object.ts';
import { isError, type Outcome, outcome } from '../model/outcome.ts';
import { isUnreadable, ObjectMissingError, PoisonError, PreconditionFailedError } from '../runtime/errors.ts';
import { parseVersioned } from '../runtime/versioned.ts';
import { MAX_BATCH } from './batches.ts';
import {
  attemptPrefix,
  errorsKey,
  errorsPrefix,
  parseErrorsKey,
  parseShardKey,
  type ShardRange,
  shardKey,
} from './keys.ts';
import type { RequestMessage } from './messages.ts';

/** The content of a result shard: one outcome per line. */
export const formatShard = (outcomes: readonly Outcome[]): Buffer =>
  Buffer.from(outcomes.map((one) => `${JSON.stringify(one)}\n`).join(''));

/**
 * @throws {PoisonError} when the shard does not have exactly one outcome for each image of its range.
 * @throws {NewerVersionError} when a newer imgcls wrote it.
 */
function parseShard(text: string, key: string, range: ShardRange): Outcome[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const outcomes = lines.map((line) => parseVersioned(outcome, line, `result shard ${key}`));
  const isWhole =
    outcomes.length === range.last - range.first + 1 &&
    outcomes.every(({ index }, place) => index === range.first + place);
  if (!isWhole)
    throw new PoisonError(`The outcomes in result shard ${key} do not match the range in its name.`);
  return outcomes;
}

/** A shard of the ledger. The outcomes are absent if this imgcls cannot read them. */
export interface Shard {
  range: ShardRange;
  outcomes?: Outcome[];
}

/**
 * The range of a request's shard.
 * @throws {PoisonError} when the images are not consecutive: the range would include images without an outcome.
 */
export function rangeOf({ attempt, images }: RequestMessage): ShardRange {
  const first = images[0]?.index ?? 0;
  if (images.some(({ index }, place) => index !== first + place)) {
    throw new PoisonError('The request message has the wrong format: images: are not consecutive.');
  }
  return { attempt, first, last: first + images.length - 1 };
}

export interface ListShardsOptions {
  attempt: number;
  /** Skips shards before this image. */
  from?: number;
  signal?: AbortSignal | undefined;
}

/** The shards of one attempt of a job, in index order. */
export async function* listShards(
  output: Store,
  job: string,
  { attempt, from = 0, signal }: ListShardsOptions,
): AsyncGenerator<ShardRange> {
  // A shard has at most one batch, so one that begins earlier ends before it.
  const first = from - MAX_BATCH;
  const options = {
    ...(first > 0 && { startAfter: shardKey(job, { attempt, first, last: 0 }) }),
    ...(signal !== undefined && { signal }),
  };
  for await (const { key } of output.list(attemptPrefix(job, attempt), options)) {
    const range = parseShardKey(key);
    if (range !== undefined) yield range;
  }
}

/**
 * Reads a shard.
 * @throws {ObjectMissingError}
 * @throws {InvalidObjectError} when it does not have exactly one outcome for each image of its range.
 */
export async function readShard(
  output: Store,
  job: string,
  range: ShardRange,
  signal?: AbortSignal,
): Promise<Outcome[]> {
  const key = shardKey(job, range);
  const parse = (text: string) => parseShard(text, key, range);
  return (await readObject(output, key, parse, signal && { signal })).value;
}

/** As {@link readShard}. Undefined if it does not exist, without outcomes if it cannot be read. */
export async function findShard(
  output: Store,
  job: string,
  range: ShardRange,
  signal?: AbortSignal,
): Promise<Shard | undefined> {
  try {
    return { range, outcomes: await readShard(output, job, range, signal) };
  } catch (error) {
    if (error instanceof ObjectMissingError) return undefined;
    if (isUnreadable(error)) return { range };
    throw error;
  }
}

/**
 * Writes a shard of the ledger, unless it exists.
 * @returns the shard in the ledger, and whether this call wrote it.
 */
export async function writeShard(
  output: Store,
  job: string,
  shard: Required<Shard>,
  { signal, predictions }: Pick<PutOptions, 'signal' | 'predictions'> = {},
): Promise<{ shard: Shard; isOurs: boolean }> {
  const options = { predictions, ...(signal && { signal }) };
  try {
    await output.put(shardKey(job, shard.range), formatShard(shard.outcomes), { only: 'absent', ...options });
    return { shard, isOurs: true };
  } catch (error) {
    if (!(error instanceof PreconditionFailedError)) throw error;
    const found = await findShard(output, job, shard.range, signal);
    return { shard: found ?? { range: shard.range }, isOurs: false };
  }
}

/** Writes the errors marker of a shard with errors. Call it before the message is acknowledged; it may be repeated. */
export async function markErrors(
  output: Store,
  job: string,
  { range, outcomes = [] }: Shard,
  signal?: AbortSignal,
): Promise<void> {
  const errors = outcomes.filter(isError).length;
  if (errors > 0) await output.put(errorsKey(job, range, errors), new Uint8Array(), signal && { signal });
}

/** Whether an image of the attempt has a prediction. Reads only shards that are not known to hold errors alone. */
export async function hasPrediction(output: Store, job: string, attempt: number): Promise<boolean> {
  const allErrors = new Set<string>();
  for await (const { key } of output.list(errorsPrefix(job))) {
    const found = parseErrorsKey(key);
    if (found === undefined || found.errors <= found.range.last - found.range.first) continue;
    allErrors.add(shardKey(job, found.range));
  }
  for await (const range of listShards(output, job, { attempt })) {
    if (allErrors.has(shardKey(job, range))) continue;
    const shard = await findShard(output, job, range);
    if (shard?.outcomes?.every(isError) !== true) return true;
  }
  return false;
}

/** Deletes a shard and its errors marker: its job was deleted while it was classified. */
export async function removeShard(
  output: Store,
  job: string,
  { range, outcomes = [] }: Shard,
  signal: AbortSignal,
): Promise<void> {
  const errors = outcomes.filter(isError).length;
  await output.delete([shardKey(job, range), errorsKey(job, range, errors)], signal);
}
