import type { Store } from '../core/cloud/ports.ts';
import { IndexRanges } from '../core/job/index-ranges.ts';
import { attemptTotal, type JobRecord } from '../core/job/job.ts';
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

/** Whether every image of the present attempt has an outcome. */
export const isComplete = (job: Parameters<typeof attemptTotal>[0], coverage: IndexRanges): boolean =>
  coverage.size === attemptTotal(job);
