import type { Store } from '../core/cloud/ports.ts';
import type { JobRecord } from '../core/job/job.ts';
import { finishJob } from '../core/job/job-record.ts';
import { isComplete, readCoverage } from './job-coverage.ts';

/** Finishes a sealed job if all its images have outcomes. @returns the record afterwards. */
export async function finishIfDone(
  output: Store,
  job: JobRecord,
  { nowMs, signal }: { nowMs: number; signal?: AbortSignal | undefined },
): Promise<JobRecord> {
  if (job.state !== 'sealed' || !isComplete(job, await readCoverage(output, job, signal))) return job;
  return await finishJob(output, job, nowMs);
}
