import type { Store } from '../core/cloud/ports.ts';
import type { ShardRange } from '../core/job/keys.ts';
import { readManifest } from '../core/job/manifest.ts';
import { markErrors, readShard } from '../core/job/shard.ts';
import type { Outcome } from '../core/model/outcome.ts';
import { type ImgclsError, InvalidObjectError, ObjectDamagedError } from '../core/runtime/errors.ts';
import { FORMAT } from '../core/runtime/versioned.ts';

/**
 * The outcomes of a shard. If another program has changed it, they are lost: its images get errors, and "imgcls retry"
 * classifies them again.
 * @throws {ObjectMissingError} @throws {NewerVersionError}
 */
export async function shardOutcomes(
  output: Store,
  job: string,
  range: ShardRange,
  signal?: AbortSignal,
): Promise<Outcome[]> {
  try {
    return await readShard(output, job, range, signal);
  } catch (error) {
    if (!(error instanceof InvalidObjectError || error instanceof ObjectDamagedError)) throw error;
    const outcomes = await lostOutcomes(output, job, range, error, signal);
    // A retry reads only shards with this mark. A caller without write access cannot retry, so it needs no mark.
    await markErrors(output, job, { range, outcomes }, signal).catch(() => {});
    return outcomes;
  }
}

async function lostOutcomes(
  output: Store,
  job: string,
  range: ShardRange,
  { message }: ImgclsError,
  signal: AbortSignal | undefined,
): Promise<Outcome[]> {
  const names = new Map<number, string>();
  for await (const entries of readManifest(output, { job, attempt: range.attempt }, [range], signal))
    for (const { index, name } of entries) names.set(index, name);
  return Array.from({ length: range.last - range.first + 1 }, (_, place) => {
    const index = range.first + place;
    // Dropped images have no manifest.
    const name = names.get(index) ?? `image ${index}`;
    return { v: FORMAT, index, name, error: { code: 'unreadable', message } };
  });
}
