/** What a job is called in lists. Pure. */
import { isDropJob } from '../../../core/job/job-ids.ts';
import type { JobView } from '../../api.ts';

const day = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });

/** The name that the service gives it, of its folder or first image; otherwise its time. */
export function jobName({ id, createdAtMs }: JobView): string {
  return `${isDropJob(id) ? 'Dropped images' : 'Images'} of ${day.format(createdAtMs)}`;
}
