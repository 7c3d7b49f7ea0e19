/** The job list: loaded page by page and updated while jobs are added and change. Pure. */
import { newerFirst } from '../../../core/job/job-ids.ts';
import type { JobPage } from '../../api.ts';

export interface JobList {
  /** Newest first. */
  jobs: JobPage['jobs'];
  /** The next page begins after this job; undefined when all are loaded. */
  next: string | undefined;
}

export const EMPTY_LIST: JobList = { jobs: [], next: undefined };

export const appendPage = ({ jobs }: JobList, page: JobPage): JobList => ({
  jobs: [...jobs, ...page.jobs.filter(({ id }) => !jobs.some((job) => job.id === id))],
  next: page.next,
});

/** Replaces the newest jobs by a fresh first page. Older jobs stay. */
export function updateNewest({ jobs, next }: JobList, page: JobPage): JobList {
  const { next: last } = page;
  if (last === undefined) return { jobs: page.jobs, next: undefined };
  const older = jobs.filter(({ id }) => newerFirst(last, id) < 0);
  return { jobs: [...page.jobs, ...older], next: older.length === 0 ? page.next : next };
}
