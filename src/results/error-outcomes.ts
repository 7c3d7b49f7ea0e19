import type { Cloud } from '../core/cloud/ports.ts';
import { type Drop, writeDropped } from '../core/drop/drop.ts';
import { IndexRanges } from '../core/job/index-ranges.ts';
import type { RequestMessage } from '../core/job/messages.ts';
import { sendResponses } from '../core/job/responses.ts';
import { listShards, markErrors, rangeOf, writeShard } from '../core/job/shard.ts';
import { type ImageError, isError, type Outcome } from '../core/model/outcome.ts';
import { FORMAT } from '../core/runtime/versioned.ts';
import { listAttempts } from './ledger.ts';

/** In responses, in place of the id of a worker. */
const WRITER = 'dead-letters';

/**
 * Writes `error` as the outcome of the images of a dead letter's request, or the error that the request has for an image.
 * Images with an outcome of this attempt or a later one keep it. Sends the outcomes to the waiter.
 * @returns how many images got an outcome.
 * @throws {PoisonError} when the images are not consecutive.
 */
export async function writeErrorOutcomes(
  cloud: Cloud,
  request: RequestMessage,
  error: ImageError,
  signal: AbortSignal,
): Promise<number> {
  const { job, attempt, images } = request;
  const range = rangeOf(request);
  const coverage = new IndexRanges();
  for (const present of await listAttempts(cloud.output, job, signal)) {
    if (present < attempt) continue;
    for await (const shard of listShards(cloud.output, job, {
      attempt: present,
      from: range.first,
      signal,
    })) {
      if (shard.first > range.last) break;
      coverage.add(shard);
    }
  }
  let written = 0;
  for (const { first, last } of coverage.holes(range)) {
    const outcomes = images.slice(first - range.first, last - range.first + 1).map(
      (image): Outcome => ({
        v: FORMAT,
        index: image.index,
        name: image.name,
        error: isError(image) ? image.error : error,
      }),
    );
    const entry = { range: { attempt, first, last }, outcomes };
    const { shard, isOurs } = await writeShard(cloud.output, job, entry, { signal });
    if (isOurs) written += outcomes.length;
    await markErrors(cloud.output, job, shard, signal);
    await sendResponses(cloud, request, { worker: WRITER, shards: [shard] }, signal);
  }
  return written;
}

/** Writes `error` as the outcome of dropped images that have none. @returns how many images got an outcome. */
export async function writeDropErrors(
  { output }: Pick<Cloud, 'output'>,
  drops: readonly Drop[],
  error: ImageError,
  signal: AbortSignal,
): Promise<number> {
  let written = 0;
  for (const drop of drops) {
    const outcome = { v: FORMAT, index: drop.index, name: drop.name, error } as const;
    const { shard, isOurs } = await writeDropped(output, drop, outcome, signal);
    if (isOurs) written++;
    await markErrors(output, drop.job, shard, signal);
  }
  return written;
}
