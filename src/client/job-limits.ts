import { ImgclsError } from '../core/runtime/errors.ts';

/**
 * When a job should be done, and what it may cost.
 *
 * @example
 * ```ts
 * import { createClient, type JobLimits } from 'imgcls';
 *
 * const limits: JobLimits = { by: new Date(Date.now() + 3_600_000), maxCostUsd: 2 };
 * await using client = await createClient();
 * const job = await client.submit(['photos'], limits);
 * for await (const { name } of job.outcomes()) console.log(name);
 * ```
 */
export interface JobLimits {
  /** When the job should be done: the cheapest fleet that meets it is launched. Default: as soon as the cluster's settings say. */
  by?: Date;
  /** What the fleet may cost for the job, in US dollars. Past it, no machine is launched or kept for the rest of the images. */
  maxCostUsd?: number;
}

/** @throws {ImgclsError} of kind `usage` for a deadline that is no time in the future, or a limit that is no amount of money. */
export function checkLimits({ by, maxCostUsd }: JobLimits, nowMs: number): void {
  if (by !== undefined && !(by.getTime() > nowMs))
    throw new ImgclsError('usage', `The deadline (${String(by)}) is not in the future.`, {
      hint: 'Name a later time, or none.',
    });
  if (maxCostUsd !== undefined && !(maxCostUsd > 0 && Number.isFinite(maxCostUsd)))
    throw new ImgclsError(
      'usage',
      `The limit of cost (${maxCostUsd}) is not a number of US dollars above 0.`,
    );
}
