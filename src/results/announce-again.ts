import { ImgclsError } from '../core/errors.ts';
import type { JobRecord } from '../core/job.ts';
import { requestQueueName } from '../core/keys.ts';
import { FIRST_ATTEMPT } from '../core/messages.ts';
import type { Cloud } from '../core/ports.ts';
import { type RequestHeader, toRequestImage, toRequests } from '../core/requests.ts';
import { FORMAT } from '../core/versioned.ts';
import type { Span } from './coverage.ts';
import { readManifest } from './manifest.ts';

/** Images of one go: some 6,000 messages, a minute's work. The rest has its turn when these are done. */
const MAX_IMAGES = 100_000;

/**
 * Sends the requests of these images once more, as they were, but with nobody to answer to: a waiter finds what comes of
 * them in the ledger.
 * @param holes in index order.
 * @returns how many images were announced.
 * @throws {ImgclsError} of kind `permanent` when the manifest does not know some of them.
 */
export async function announceAgain(
  cloud: Cloud,
  job: JobRecord,
  holes: readonly Span[],
  signal: AbortSignal,
): Promise<number> {
  const header: RequestHeader = {
    v: FORMAT,
    job: job.id,
    attempt: FIRST_ATTEMPT,
    model: job.model,
    topK: job.topK,
  };
  const queue = cloud.queues.open(requestQueueName(cloud.cluster));
  let announced = 0;
  for await (const entries of readManifest(cloud.output, job.id, holes, signal)) {
    const requests = toRequests(header, entries.map(toRequestImage));
    await queue.send(
      requests.map((body) => ({ body, groupId: job.id })),
      signal,
    );
    announced += entries.length;
    if (announced >= MAX_IMAGES) return announced;
  }
  const wanted = holes.reduce((images, { first, last }) => images + last - first + 1, 0);
  if (announced < wanted) {
    throw new ImgclsError(
      'permanent',
      `Job ${job.id} cannot end: ${wanted - announced} of its images have no outcome and are not in its manifest.`,
      { hint: 'Cancel the job, and upload its images again.' },
    );
  }
  return announced;
}
