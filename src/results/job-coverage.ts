import type { Store } from '../core/cloud/ports.ts';
import { IndexRanges } from '../core/job/index-ranges.ts';
import { attemptTotal, FIRST_ATTEMPT, type JobRecord } from '../core/job/job.ts';
import { listShards } from '../core/job/shard.ts';

/** The coverage of the job's present attempt, from the keys of the ledger. */
export async function readCoverage(
  output: Store,
  { id, attempt }: Pick<JobRecord, 'id' | 'attempt'>,
  signal?: AbortSignal,
): Promise<IndexRanges> {
  const coverage = new IndexRanges();
  for await (const range of listShards(output, id, { attempt, signal })) coverage.add(range);
  return coverage;
}

/**
 * Whether every image of the present attempt has an outcome. In the first one, a shard that was copied by hand from another
 * job may have images that this job has not.
 */
export function isComplete(job: Parameters<typeof attemptTotal>[0], coverage: IndexRanges): boolean {
  const total = attemptTotal(job);
  if (total === undefined || job.attempt > FIRST_ATTEMPT) return coverage.size === total;
  return coverage.within({ first: 0, last: total - 1 }).size === total;
}
