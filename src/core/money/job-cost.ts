import * as z from 'zod';
import type { Store } from '../cloud/ports.ts';
import { jobCostKey } from '../job/keys.ts';
import { ObjectMissingError } from '../runtime/errors.ts';
import { FORMAT, formatVersion, parseVersioned } from '../runtime/versioned.ts';

/** `jobs/<jobId>/cost.json`: cost of the job's machines in US dollars, as a controller attributed it last. */
const jobCost = z.object({ v: formatVersion, usd: z.number().nonnegative() });

/** Writes the cost of each job so far. Only one controller per cluster writes it, so writes need no condition. */
export async function writeJobCosts(
  output: Store,
  { byJobUsd }: { byJobUsd: Readonly<Record<string, number>> },
): Promise<void> {
  for (const [job, usd] of Object.entries(byJobUsd)) {
    await output.put(jobCostKey(job), Buffer.from(JSON.stringify({ v: FORMAT, usd })));
  }
}

/** Undefined if no controller has attributed a cost to the job. @throws {ImgclsError} when it cannot be read. */
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
