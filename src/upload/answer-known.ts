// Known images get their outcomes from the submitter: no request is sent and no worker is needed.

import type { ClassifiedBy, Cloud } from '../core/cloud/ports.ts';
import type { JobRecord, ManifestEntry } from '../core/job/job.ts';
import { findKnown, predictionsOf } from '../core/job/known-images.ts';
import { MAX_MESSAGE_BYTES } from '../core/job/messages.ts';
import { toBatches } from '../core/job/requests.ts';
import { type ResponseAddress, sendResponses } from '../core/job/responses.ts';
import { type Shard, writeShard } from '../core/job/shard.ts';
import { modelTitle } from '../core/model/model.ts';
import type { Outcome, Prediction } from '../core/model/outcome.ts';
import { FORMAT } from '../core/runtime/versioned.ts';

/** In responses, in place of the id of a worker. */
const WRITER = 'submitter';

export interface AnswerKnownOptions {
  cloud: Cloud;
  job: JobRecord;
  /** Absent: no image counts as known. */
  by?: ClassifiedBy;
  responses?: ResponseAddress;
  signal?: AbortSignal;
}

/**
 * Writes the outcomes of known images to the ledger, for the job's present attempt, and sends them to the waiter.
 * @returns the other images.
 */
export async function answerKnown(
  entries: readonly ManifestEntry[],
  { cloud, job, by, responses, signal }: AnswerKnownOptions,
): Promise<readonly ManifestEntry[]> {
  if (by === undefined) return entries;
  const known = await findKnown(cloud, entries, by, signal);
  if (known.size === 0) return entries;
  const answered = entries.filter(({ index }) => known.has(index));
  const shards = await Promise.all(
    toBatches(answered, MAX_MESSAGE_BYTES).map((images) =>
      writeKnown(images, known, { cloud, job, by, ...(signal && { signal }) }),
    ),
  );
  const told = shards.filter(() => responses?.take().replyTo !== undefined);
  const request = { job: job.id, trace: job.trace, ...(responses && { replyTo: responses.queue }) };
  await sendResponses(cloud, request, { worker: WRITER, shards: told }, signal);
  return entries.filter(({ index }) => !known.has(index));
}

async function writeKnown(
  images: readonly ManifestEntry[],
  known: ReadonlyMap<number, Prediction>,
  { cloud, job, by, signal }: AnswerKnownOptions & { by: ClassifiedBy },
): Promise<Shard> {
  const model = modelTitle(job.model);
  const outcomes = images.flatMap(({ index, name }): Outcome[] => {
    const found = known.get(index);
    return found === undefined ? [] : [{ v: FORMAT, index, name, ...found, model }];
  });
  const [first, last] = [images[0]?.index ?? 0, images.at(-1)?.index ?? 0];
  const range = { attempt: job.attempt, first, last };
  const predictions = predictionsOf(images, outcomes, by);
  const options = { predictions, ...(signal && { signal }) };
  return (await writeShard(cloud.output, job.id, { range, outcomes }, options)).shard;
}
