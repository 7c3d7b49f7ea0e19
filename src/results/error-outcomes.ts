import type { Cloud } from '../core/cloud/ports.ts';
import { type Drop, writeDropped } from '../core/job/drop.ts';
import { IndexRanges } from '../core/job/index-ranges.ts';
import { isResponseQueue } from '../core/job/keys.ts';
import type { RequestMessage } from '../core/job/messages.ts';
import { listShards, markErrors, rangeOf, responseFor, type Shard, writeShard } from '../core/job/shard.ts';
import { type ImageError, isError, type Outcome } from '../core/model/outcome.ts';
import { QueueMissingError } from '../core/runtime/errors.ts';
import { FORMAT } from '../core/runtime/versioned.ts';
import { listAttempts } from './ledger.ts';

/** In place of a worker's id in responses. */
const WRITER = 'dead-letters';

/**
 * Gives `error` as the outcome to the images of a request that nobody will answer, or the error that the request itself
 * has for an image. Images that have an outcome of this attempt or a later one keep it. The waiter is told.
 * @returns how many images got their outcome here.
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
  for (const given of await listAttempts(cloud.output, job, signal)) {
    if (given < attempt) continue;
    for await (const shard of listShards(cloud.output, job, { attempt: given, from: range.first, signal })) {
      if (shard.first > range.last) break;
      coverage.add(shard);
    }
  }
  let concluded = 0;
  for (const { first, last } of coverage.holes(range)) {
    const outcomes = images.slice(first - range.first, last - range.first + 1).map(
      (image): Outcome => ({
        v: FORMAT,
        index: image.index,
        name: image.name,
        error: isError(image) ? image.error : error,
      }),
    );
    const written = { range: { attempt, first, last }, outcomes };
    const { shard, isOurs } = await writeShard(cloud.output, job, written, signal);
    if (isOurs) concluded += outcomes.length;
    await markErrors(cloud.output, job, shard, signal);
    await respond(cloud, request, shard, signal);
  }
  return concluded;
}

/** Gives `error` as the outcome to dropped images that have none. @returns how many got their outcome here. */
export async function writeDropErrors(
  { output }: Pick<Cloud, 'output'>,
  drops: readonly Drop[],
  error: ImageError,
  signal: AbortSignal,
): Promise<number> {
  let concluded = 0;
  for (const drop of drops) {
    const outcome = { v: FORMAT, index: drop.index, name: drop.name, error } as const;
    const { shard, isOurs } = await writeDropped(output, drop, outcome, signal);
    if (isOurs) concluded++;
    await markErrors(output, drop.job, shard, signal);
  }
  return concluded;
}

async function respond(
  cloud: Cloud,
  request: RequestMessage,
  shard: Shard,
  signal: AbortSignal,
): Promise<void> {
  const { job, replyTo } = request;
  // As workers do: a letter names no other queue to write to.
  if (replyTo === undefined || !isResponseQueue(cloud.cluster, replyTo)) return;
  const response = { body: responseFor(request, WRITER, shard), groupId: job };
  try {
    await cloud.queues.open(replyTo).send([response], signal);
  } catch (error) {
    // Its waiter is gone, and reads the ledger when it comes back.
    if (!(error instanceof QueueMissingError)) throw error;
  }
}
