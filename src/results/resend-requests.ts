import type { Cloud } from '../core/cloud/ports.ts';
import type { IndexRanges } from '../core/job/index-ranges.ts';
import { attemptTotal, type JobRecord } from '../core/job/job.ts';
import { readManifest } from '../core/job/manifest.ts';
import { sendRequests } from '../core/job/requests.ts';
import { ImgclsError } from '../core/runtime/errors.ts';

/** Images of one run: about 1,600 messages, which take some seconds to send. The rest is sent after these are done. */
const MAX_IMAGES = 100_000;

/**
 * Sends the requests again for those images of a sealed job that have no outcome of its present attempt. They name no
 * response queue: a waiter finds the outcomes in the ledger.
 * @param coverage the coverage of the present attempt.
 * @returns how many images were sent again.
 * @throws {ImgclsError} of kind `permanent` when some of them are not in the manifest.
 */
export async function resendRequests(
  cloud: Cloud,
  job: JobRecord,
  coverage: IndexRanges,
  signal: AbortSignal,
): Promise<number> {
  const { id, attempt, total = 0 } = job;
  const holes = coverage.holes({ first: 0, last: total - 1 });
  let sent = 0;
  for await (const entries of readManifest(cloud.output, { job: id, attempt }, holes, signal)) {
    await sendRequests(cloud, job, entries, { signal });
    sent += entries.length;
    if (sent >= MAX_IMAGES) return sent;
  }
  const missing = (attemptTotal(job) ?? 0) - coverage.size;
  if (sent < missing) {
    throw new ImgclsError(
      'permanent',
      `Job ${id} cannot finish: ${missing - sent} of its images have no outcome and are not in its manifest.`,
      { hint: `Run "imgcls cancel ${id}", then upload the images again.` },
    );
  }
  return sent;
}
