import type { Cloud, Store } from '../core/cloud/ports.ts';
import { FIRST_ATTEMPT, type JobRecord, jobId } from '../core/job/job.ts';
import { isDropJob, jobTimeMs } from '../core/job/job-ids.ts';
import { readJob } from '../core/job/job-record.ts';
import { jobPrefix, resultsPrefix } from '../core/job/keys.ts';
import { JobMissingError, ObjectMissingError } from '../core/runtime/errors.ts';

/** What lists and followers must know of a job. Which model and how many classes, each dropped image's outcome says for itself. */
export type JobFacts = Pick<
  JobRecord,
  'id' | 'state' | 'createdAtMs' | 'attempt' | 'retried' | 'total' | 'finishedAtMs'
> &
  Partial<Pick<JobRecord, 'trace' | 'model' | 'topK'>>;

/**
 * From the job's record; of a day's dropped images, which has none, from its id. Such a day is there as soon as an
 * image has its outcome, and always open: S3 may be late to tell of another.
 * @throws {ObjectMissingError} when there is no such job.
 */
export async function readFacts(output: Store, id: string, signal?: AbortSignal): Promise<JobFacts> {
  if (!isDropJob(id)) return await readJob(output, id, signal);
  for await (const _attempt of output.listFolders(resultsPrefix(id), signal))
    return { id, state: 'open', createdAtMs: jobTimeMs(id), attempt: FIRST_ATTEMPT, retried: [] };
  throw new ObjectMissingError(output.bucket, jobPrefix(id));
}

/** As {@link readFacts}, of an id that somebody gives. @throws {JobMissingError} when there is no such job. */
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
