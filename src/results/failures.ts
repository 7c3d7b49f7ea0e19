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
  const isWanted = failed.overlaps.bind(failed);
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
  let failures = 0;
  for await (const { key } of output.list(errorsPrefix(id), signal && { signal }))
    failures += parseErrorsKey(key)?.errors ?? 0;
  return retried.reduce((left, images) => left - images, failures);
}
