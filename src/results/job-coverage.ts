import type { Store } from '../core/cloud/ports.ts';
import { attemptTotal, type JobRecord } from '../core/job/job.ts';
import { listShards } from '../core/job/shard.ts';
import { Coverage } from './coverage.ts';

/** Which images have an outcome of the job's present attempt, from the keys of the ledger. */
export async function readCoverage(
  output: Store,
  { id, attempt }: Pick<JobRecord, 'id' | 'attempt'>,
  signal?: AbortSignal,
): Promise<Coverage> {
  const coverage = new Coverage();
  for await (const range of listShards(output, id, { attempt, signal })) coverage.add(range);
  return coverage;
}

/** Whether every image of the present attempt has an outcome. */
export const isComplete = (job: Parameters<typeof attemptTotal>[0], { images }: Coverage): boolean =>
  images === attemptTotal(job);
