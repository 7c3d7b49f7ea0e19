import { Readable } from 'node:stream';
import * as z from 'zod';
import type { Store } from '../cloud/ports.ts';
import { findObject, findReadable } from '../cloud/read-object.ts';
import { jobCostKey } from '../job/keys.ts';
import { FORMAT, formatVersion, parseVersioned } from '../runtime/versioned.ts';

/** `jobs/<jobId>/cost.json`: cost of the job's machines in US dollars, as a controller attributed it last. */
export const jobCost = z.object({ v: formatVersion, usd: z.number().nonnegative() });

/** Many jobs may run at a time, and a tick writes the costs of all of them. */
const WRITES_AT_ONCE = 16;

/** Writes the cost of each job so far. Only one controller per cluster writes it, so writes need no condition. */
export async function writeJobCosts(
  output: Store,
  { byJobUsd }: { byJobUsd: Readonly<Record<string, number>> },
): Promise<void> {
  await Readable.from(Object.entries(byJobUsd))
    .map(
      ([job, usd]: [string, number]) =>
        output.put(jobCostKey(job), Buffer.from(JSON.stringify({ v: FORMAT, usd }))),
      { concurrency: WRITES_AT_ONCE },
    )
    .toArray();
}

/** Undefined if no controller has attributed a cost to the job, or the object is not valid. */
export async function readJobCost(
  output: Store,
  job: string,
  signal?: AbortSignal,
): Promise<number | undefined> {
  return (await findReadable(output, jobCostKey(job), parser(job), signal && { signal }))?.usd;
}

/**
 * As {@link readJobCost}, for the controller, which replaces it.
 * @throws {InvalidObjectError} @throws {NewerVersionError}
 */
export async function findJobCost(output: Store, job: string): Promise<number | undefined> {
  return (await findObject(output, jobCostKey(job), parser(job)))?.value.usd;
}

const parser = (job: string) => (text: string) => parseVersioned(jobCost, text, `cost of job ${job}`);
