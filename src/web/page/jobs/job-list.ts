/** The jobs that are listed, page by page, while new ones come and old ones go on. Pure. */
import { newerFirst } from '../../../core/job/job-ids.ts';
import type { JobPage } from '../../api.ts';

export interface Listed {
  /** Newest first. */
  jobs: JobPage['jobs'];
  /** After which job the next page begins; absent when all are listed. */
  next: string | undefined;
}

export const NONE: Listed = { jobs: [], next: undefined };

export const addPage = ({ jobs }: Listed, page: JobPage): Listed => ({
  jobs: [...jobs, ...page.jobs.filter(({ id }) => !jobs.some((known) => known.id === id))],
  next: page.next,
});

/** The newest page once more: what it spans is as it says, older ones stay. */
export function refreshed({ jobs, next }: Listed, page: JobPage): Listed {
  const oldest = page.jobs.at(-1)?.id;
  if (oldest === undefined || page.next === undefined) return { jobs: page.jobs, next: undefined };
  const older = jobs.filter(({ id }) => newerFirst(oldest, id) < 0);
  return { jobs: [...page.jobs, ...older], next: older.length === 0 ? page.next : next };
}
