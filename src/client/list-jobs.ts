import type { Cloud } from '../core/cloud/ports.ts';
import { listJobIds, readJobs, type UnknownJob } from '../results/job-list.ts';
import type { ListedJob } from '../results/listed-job.ts';

export type { ListedJob, UnknownJob };

/** The jobs of a cluster, newest first. One that cannot be read says why, and does not hide the others. */
export async function* listJobs(
  cloud: Cloud,
  options: { nowMs: number; signal?: AbortSignal },
): AsyncGenerator<ListedJob | UnknownJob, void> {
  yield* readJobs(cloud, await listJobIds(cloud.output, options.signal), options);
}
