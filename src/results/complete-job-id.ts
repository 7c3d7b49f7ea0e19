import type { Cloud, Store } from '../core/cloud/ports.ts';
import { jobId } from '../core/job/job.ts';
import { isDropJob } from '../core/job/job-ids.ts';
import { ImgclsError, JobMissingError } from '../core/runtime/errors.ts';
import { listJobIds } from './job-list.ts';

/** Fewer letters are those of every job of the same years. */
const MIN_LETTERS = 4;
const BEGINNING = new RegExp(`^[0-9A-Z]{${MIN_LETTERS},25}$`);
/** Ids that an error names. */
const SHOWN = 5;

/**
 * The id of a job as a person types it: in any case, and only its first letters where no other job has them.
 * @throws {JobMissingError} when no job begins so. @throws {ImgclsError} of kind `usage` when several do.
 */
export async function completeJobId(
  { output, cluster }: Pick<Cloud, 'output' | 'cluster'>,
  typed: string,
  signal?: AbortSignal,
): Promise<string> {
  const id = typed.toUpperCase();
  if (jobId.safeParse(id).success) return id;
  if (isDropJob(typed.toLowerCase())) return typed.toLowerCase();
  const found = BEGINNING.test(id)
    ? (await listJobIds(output, signal)).filter((each) => each.startsWith(id))
    : [];
  const [one, another] = found;
  if (one === undefined) throw new JobMissingError(typed, cluster);
  if (another === undefined) return one;
  const shown = found.slice(0, SHOWN).join(', ');
  throw new ImgclsError('usage', `${found.length} jobs begin with ${typed}.`, {
    hint: `Type more letters: ${shown}${found.length > SHOWN ? ', ...' : ''}`,
  });
}

/** The ids of several jobs, each once. @throws what {@link completeJobId} throws. */
export async function completeJobIds(
  cloud: Pick<Cloud, 'output' | 'cluster'>,
  typed: readonly string[],
  signal?: AbortSignal,
): Promise<string[]> {
  return [...new Set(await Promise.all(typed.map((each) => completeJobId(cloud, each, signal))))];
}

/** The job that was submitted last. @throws {ImgclsError} of kind `usage` when there is none. */
export async function newestJobId(output: Store, signal?: AbortSignal): Promise<string> {
  const newest = (await listJobIds(output, signal)).find((id) => !isDropJob(id));
  if (newest !== undefined) return newest;
  throw new ImgclsError('usage', 'There are no jobs yet.', {
    hint: 'Run "imgcls label photos/" to label a folder.',
  });
}
