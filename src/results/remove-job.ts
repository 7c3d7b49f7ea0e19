import type { Store } from '../core/cloud/ports.ts';
import { activeKey, jobKey, jobPrefix } from '../core/job/keys.ts';

/** Objects per delete. */
const PAGE = 1000;

/**
 * Deletes all objects of a job, except image bytes, which jobs share. The record is deleted last, so that an interrupted
 * removal can be repeated.
 * @returns the number of objects and their bytes.
 */
export async function removeJob(
  output: Store,
  job: string,
  signal?: AbortSignal,
): Promise<{ objects: number; bytes: number }> {
  let objects = 0;
  let bytes = 0;
  let page: string[] = [];
  for await (const { key, bytes: size } of output.list(jobPrefix(job), signal && { signal })) {
    objects++;
    bytes += size;
    if (key !== jobKey(job)) page.push(key);
    if (page.length < PAGE) continue;
    await output.delete(page, signal);
    page = [];
  }
  await output.delete([...page, activeKey(job)], signal);
  await output.delete([jobKey(job)], signal);
  return { objects, bytes };
}
