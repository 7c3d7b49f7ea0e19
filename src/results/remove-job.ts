import type { Store } from '../core/cloud/ports.ts';
import { activeKey, jobKey, jobPrefix } from '../core/job/keys.ts';

/** Objects deleted together. */
const PAGE = 1000;

/**
 * Deletes all that is a job's own; image bytes are shared with others. The record goes last, so that a removal that was cut
 * short can be repeated.
 * @returns how many objects there were, and their bytes.
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
