import type { Cloud } from '../core/cloud/ports.ts';
import { removeJob } from '../core/job/job-record.ts';
import { jobOf, readDeadLetters, removeDeadLetters } from './dead-letter-records.ts';

/**
 * Deletes a job with its dead letters. On one machine also its messages, and the images that no other job uses; a bucket's
 * lifecycle rule deletes those by age. An interrupted removal can be repeated.
 * @returns how many objects there were, and their bytes.
 */
export async function deleteJob(
  cloud: Pick<Cloud, 'output' | 'forget'>,
  id: string,
  signal?: AbortSignal,
): Promise<{ objects: number; bytes: number }> {
  const removed = await removeJob(cloud, id, signal);
  const letters = await Array.fromAsync(readDeadLetters(cloud.output, signal));
  await removeDeadLetters(
    cloud.output,
    letters.filter((letter) => jobOf(letter) === id),
    signal,
  );
  return removed;
}
