import type { Cloud, Store } from '../core/cloud/ports.ts';
import { FIRST_ATTEMPT, type JobRecord, jobId } from '../core/job/job.ts';
import { isDropJob, jobTimeMs } from '../core/job/job-ids.ts';
import { readJob } from '../core/job/job-record.ts';
import { jobPrefix, resultsPrefix } from '../core/job/keys.ts';
import { JobMissingError, ObjectMissingError } from '../core/runtime/errors.ts';

/** The fields of a job that lists and followers need. Days of dropped images have no model and top-k: each outcome names its own model. */
export type JobFacts = Pick<
  JobRecord,
  'id' | 'state' | 'createdAtMs' | 'attempt' | 'retried' | 'total' | 'finishedAtMs'
> &
  Partial<Pick<JobRecord, 'trace' | 'model' | 'topK' | 'inputs' | 'submitter'>>;

/**
 * Reads them from the job's record, or takes them from the id of a day of dropped images, which has no record. Such a day
 * exists as soon as an image has an outcome. It is always open, as S3 may notify late.
 * @throws {ObjectMissingError} when there is no such job.
 */
export async function readFacts(output: Store, id: string, signal?: AbortSignal): Promise<JobFacts> {
  if (!isDropJob(id)) return await readJob(output, id, signal);
  for await (const _attempt of output.listFolders(resultsPrefix(id), signal))
    return { id, state: 'open', createdAtMs: jobTimeMs(id), attempt: FIRST_ATTEMPT, retried: [] };
  throw new ObjectMissingError(output.bucket, jobPrefix(id));
}

/** As {@link readFacts}, for an id from a user. @throws {JobMissingError} when there is no such job. */
export async function requireJob(
  { output, cluster }: Pick<Cloud, 'output' | 'cluster'>,
  id: string,
  signal?: AbortSignal,
): Promise<JobFacts> {
  try {
    if (isDropJob(id) || jobId.safeParse(id).success) return await readFacts(output, id, signal);
  } catch (error) {
    throw error instanceof ObjectMissingError ? new JobMissingError(id, cluster, error) : error;
  }
  throw new JobMissingError(id, cluster);
}
