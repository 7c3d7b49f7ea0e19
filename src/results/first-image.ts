import type { Store } from '../core/cloud/ports.ts';
import { FIRST_ATTEMPT } from '../core/job/job.ts';
import { readPart } from '../core/job/manifest.ts';
import { isUnreadable, ObjectMissingError } from '../core/runtime/errors.ts';

/** The name of a job's first image. Undefined while there is none, or if its manifest cannot be read. */
export async function readFirstImage(
  output: Store,
  job: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  try {
    const [first] = await readPart(output, job, { attempt: FIRST_ATTEMPT, part: 0 }, signal);
    return first?.name;
  } catch (error) {
    if (error instanceof ObjectMissingError || isUnreadable(error)) return undefined;
    throw error;
  }
}
