import type { Store } from '../core/cloud/ports.ts';
import { IndexRanges } from '../core/job/index-ranges.ts';
import { errorsPrefix, parseErrorsKey } from '../core/job/keys.ts';
import { isError } from '../core/model/outcome.ts';
import { listAttempts, readOutcomes } from './ledger.ts';

/**
 * The indexes of a job's images whose outcome is an error, in input order.
 * @param before outcomes of this attempt and later ones are ignored.
 */
export async function* readFailures(
  output: Store,
  job: string,
  before: number,
  signal?: AbortSignal,
): AsyncGenerator<number> {
  const failed = new IndexRanges();
  for await (const { key } of output.list(errorsPrefix(job), signal && { signal })) {
    const found = parseErrorsKey(key);
    if (found !== undefined) failed.add(found.range);
  }
  const attempts = (await listAttempts(output, job, signal)).filter((attempt) => attempt < before);
  yield* failuresIn(failed, { output, job, attempts, signal });
}

/** The indexes of the images with an error in these attempts, from the shards of these ranges. */
async function* failuresIn(
  ranges: IndexRanges,
  from: { output: Store; job: string; attempts: readonly number[]; signal: AbortSignal | undefined },
): AsyncGenerator<number> {
  const { output, job, attempts, signal } = from;
  const isWanted = ranges.overlaps.bind(ranges);
  for await (const outcome of readOutcomes(output, job, { attempts, isWanted, signal }))
    if (isError(outcome)) yield outcome.index;
}

/**
 * Number of a job's images with an error, from a listing of keys. Images that are being retried do not count.
 * @param retried number of images of each retry.
 */
export async function countFailures(
  output: Store,
  { id, retried }: { id: string; retried: readonly number[] },
  signal?: AbortSignal,
): Promise<number> {
  const attempts = new Map<number, { ranges: IndexRanges; images: number; errors: number }>();
  for await (const { key } of output.list(errorsPrefix(id), signal && { signal })) {
    const found = parseErrorsKey(key);
    if (found === undefined) continue;
    const { attempt, first, last } = found.range;
    const { ranges, images, errors } = attempts.get(attempt) ?? {
      ranges: new IndexRanges(),
      images: 0,
      errors: 0,
    };
    ranges.add({ first, last });
    attempts.set(attempt, { ranges, images: images + last - first + 1, errors: errors + found.errors });
  }
  let failures = 0;
  for (const [attempt, { ranges, images, errors }] of attempts) {
    // Shards overlap after a resume that found other images known than its job did: then one image may be in two of them.
    const isExact = images === ranges.size;
    const read = () => failuresIn(ranges, { output, job: id, attempts: [attempt], signal });
    failures += isExact ? errors : (await Array.fromAsync(read())).length;
  }
  return retried.reduce((left, images) => left - images, failures);
}
