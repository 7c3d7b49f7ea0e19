import type { Store } from '../core/cloud/ports.ts';
import { FIRST_ATTEMPT, type ManifestEntry } from '../core/job/job.ts';
import { isDropJob } from '../core/job/job-ids.ts';
import type { PartPlace } from '../core/job/keys.ts';
import { readPart } from '../core/job/manifest.ts';
import { isError } from '../core/model/outcome.ts';
import { isUnreadable, ObjectMissingError } from '../core/runtime/errors.ts';
import type { ListedJob } from './listed-job.ts';

/** An image by which people recognise a job. */
export interface FirstImage {
  index: number;
  name: string;
}

/** As many as a list shows of a job. */
const FIRST_IMAGES = 4;

/**
 * The first images of a job, those that could be read if there are any. Empty for a day of dropped images, while there is none,
 * and if the manifest cannot be read.
 * @param load reads a part of the job's manifest.
 */
export async function readFirstImages(
  id: string,
  load: (place: PartPlace) => Promise<ManifestEntry[]>,
): Promise<FirstImage[]> {
  if (isDropJob(id)) return [];
  try {
    const entries = await load({ attempt: FIRST_ATTEMPT, part: 0 });
    const readable = entries.filter((entry) => !isError(entry));
    const shown = (readable.length > 0 ? readable : entries).slice(0, FIRST_IMAGES);
    return shown.map(({ index, name }) => ({ index, name }));
  } catch (error) {
    if (error instanceof ObjectMissingError || isUnreadable(error)) return [];
    throw error;
  }
}

/**
 * The name of the first image of a job whose inputs tell nothing: a list on standard input, or images of a program. Undefined
 * for other jobs.
 */
export async function readFirstImage(
  output: Store,
  { id, inputs = [] }: { id: string; inputs?: readonly string[] | undefined },
  signal?: AbortSignal,
): Promise<string | undefined> {
  if (inputs.some((input) => input !== '-')) return undefined;
  return (await readFirstImages(id, (place) => readPart(output, id, place, signal)))[0]?.name;
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
