import * as z from 'zod';
import type { Store } from '../cloud/ports.ts';
import { jobCostKey } from '../job/keys.ts';
import { ObjectMissingError } from '../runtime/errors.ts';
import { FORMAT, formatVersion, parseVersioned } from '../runtime/versioned.ts';

/** `jobs/<jobId>/cost.json`: US dollars that the job has cost in machines, as a controller attributed them last. */
const jobCost = z.object({ v: formatVersion, usd: z.number().nonnegative() });

/** Writes what each job has cost so far. One controller a cluster writes, so that nothing is compared. */
export async function writeJobCosts(
  output: Store,
  { byJobUsd }: { byJobUsd: Readonly<Record<string, number>> },
): Promise<void> {
  for (const [job, usd] of Object.entries(byJobUsd)) {
    await output.put(jobCostKey(job), Buffer.from(JSON.stringify({ v: FORMAT, usd })));
  }
}

/** Undefined where no controller has attributed anything to the job. @throws {ImgclsError} when it cannot be read. */
export async function readJobCost(
  output: Store,
  job: string,
  signal?: AbortSignal,
): Promise<number | undefined> {
  try {
    const { body } = await output.get(jobCostKey(job), signal && { signal });
    return parseVersioned(jobCost, new TextDecoder().decode(body), `cost of job ${job}`).usd;
  } catch (error) {
    if (error instanceof ObjectMissingError) return undefined;
    throw error;
  }
}
