import type { Cloud } from '../core/cloud/ports.ts';
import type { IndexRanges } from '../core/job/index-ranges.ts';
import { attemptTotal, type JobRecord } from '../core/job/job.ts';
import { readManifest } from '../core/job/manifest.ts';
import { sendRequests } from '../core/job/requests.ts';
import { ImgclsError } from '../core/runtime/errors.ts';

/** Images of one go: some 6,000 messages, a minute's work. The rest has its turn when these are done. */
const MAX_IMAGES = 100_000;

/**
 * Sends the requests of a sealed job's images once more that have no outcome of its present attempt, but with nobody to
 * answer to: a waiter finds what comes of them in the ledger.
 * @param coverage of the present attempt.
 * @returns how many images were announced.
 * @throws {ImgclsError} of kind `permanent` when the manifest does not know some of them.
 */
export async function resendRequests(
  cloud: Cloud,
  job: JobRecord,
  coverage: IndexRanges,
  signal: AbortSignal,
): Promise<number> {
  const { id, attempt, total = 0 } = job;
  const holes = coverage.holes({ first: 0, last: total - 1 });
  let announced = 0;
  for await (const entries of readManifest(cloud.output, { job: id, attempt }, holes, signal)) {
    await sendRequests(cloud, job, entries, { signal });
    announced += entries.length;
    if (announced >= MAX_IMAGES) return announced;
  }
  const wanted = (attemptTotal(job) ?? 0) - coverage.size;
  if (announced < wanted) {
    throw new ImgclsError(
      'permanent',
      `Job ${id} cannot end: ${wanted - announced} of its images have no outcome and are not in its manifest.`,
      { hint: 'Cancel the job, and upload its images again.' },
    );
  }
  return announced;
}
