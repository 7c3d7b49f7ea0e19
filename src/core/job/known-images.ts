/** Predictions that are in the ledger already: they are copied into the jobs that ask for the same images again. */

import type { ClassifiedBy, Cloud, KnownPlace, Predictions, Store } from '../cloud/ports.ts';
import { isError, type Outcome, type Prediction, prediction } from '../model/outcome.ts';
import { isUnreadable, ObjectMissingError, PreconditionFailedError } from '../runtime/errors.ts';
import type { ManifestEntry, RequestImage } from './job.ts';

const decoder = new TextDecoder();

/** The predictions of the images that are known, by their indexes in the job. */
export async function findKnown(
  { known, output }: Pick<Cloud, 'known' | 'output'>,
  entries: readonly ManifestEntry[],
  by: ClassifiedBy,
  signal?: AbortSignal,
): Promise<Map<number, Prediction>> {
  const found = new Map<number, Prediction>();
  const hashed = entries.flatMap(({ index, ...image }) =>
    isError(image) || image.sha256 === undefined ? [] : { index, sha256: image.sha256 },
  );
  const places = await known?.find(
    hashed.map(({ sha256 }) => sha256),
    by,
    signal,
  );
  const wanted = hashed.flatMap(({ index }, at) => {
    const place = places?.[at];
    return place === undefined ? [] : { index, place };
  });
  // Shard by shard: memory holds one of them.
  for (const ofShard of Map.groupBy(wanted, ({ place }) => place.key).values()) {
    const lines = await readLines(output, ofShard[0]?.place, signal);
    for (const { index, place } of ofShard) {
      const one = parsePrediction(lines[place.line]);
      if (one === undefined) continue;
      found.set(index, { ...one, labels: one.labels.slice(0, by.topK), ms: 0, known: true });
    }
  }
  return found;
}

/** None if the shard is not what it was: then its images are classified again. */
async function readLines(
  output: Store,
  shard: KnownPlace | undefined,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  if (shard === undefined) return [];
  try {
    const { body } = await output.get(shard.key, { ifMatch: shard.etag, ...(signal && { signal }) });
    return decoder.decode(body).split('\n');
  } catch (error) {
    const isGone = error instanceof ObjectMissingError || error instanceof PreconditionFailedError;
    if (isGone || isUnreadable(error)) return [];
    throw error;
  }
}

function parsePrediction(line: string | undefined): Prediction | undefined {
  try {
    return prediction.safeParse(JSON.parse(line ?? '')).data;
  } catch {
    return undefined;
  }
}

/** The predictions of a shard. Undefined if it has none, or none whose image can be known. */
export function predictionsOf(
  images: readonly RequestImage[],
  outcomes: readonly Outcome[],
  by: ClassifiedBy,
): Predictions | undefined {
  const predicted = images.flatMap((image, line) => {
    const outcome = outcomes[line];
    if (outcome === undefined || isError(outcome) || isError(image) || image.sha256 === undefined) return [];
    return { sha256: image.sha256, line };
  });
  return predicted.length === 0 ? undefined : { by, images: predicted };
}
