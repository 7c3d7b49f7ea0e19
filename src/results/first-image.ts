import type { Store } from '../core/cloud/ports.ts';
import { FIRST_ATTEMPT } from '../core/job/job.ts';
import { isDropJob } from '../core/job/job-ids.ts';
import { readPart } from '../core/job/manifest.ts';
import { isUnreadable, ObjectMissingError } from '../core/runtime/errors.ts';
import type { ListedJob } from './listed-job.ts';

/**
 * The name of the first image of a job whose inputs tell nothing: a list on standard input, or images of a program. Undefined
 * for other jobs, while there is none, and if the manifest cannot be read.
 */
export async function readFirstImage(
  output: Store,
  { id, inputs = [] }: { id: string; inputs?: readonly string[] | undefined },
  signal?: AbortSignal,
): Promise<string | undefined> {
  if (isDropJob(id) || inputs.some((input) => input !== '-')) return undefined;
  try {
    const [first] = await readPart(output, id, { attempt: FIRST_ATTEMPT, part: 0 }, signal);
    return first?.name;
  } catch (error) {
    if (error instanceof ObjectMissingError || isUnreadable(error)) return undefined;
    throw error;
  }
}

/** A listed job, and its first image if its inputs do not tell it from others. */
export type DescribedJob = ListedJob & { firstImage?: string };

export async function withFirstImage(
  output: Store,
  job: ListedJob,
  signal?: AbortSignal,
): Promise<DescribedJob> {
  const firstImage = await readFirstImage(output, job, signal);
  return firstImage === undefined ? job : { ...job, firstImage };
}
