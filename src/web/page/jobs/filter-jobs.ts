/** Which jobs a search in the list shows. Pure. */
import type { JobPage } from '../../api.ts';
import { jobTitle } from '../job/job-text.ts';

export type ListedJob = JobPage['jobs'][number];

/** Jobs with all the words in their name, inputs, first images or id. */
export function filterJobs(jobs: readonly ListedJob[], text: string): readonly ListedJob[] {
  const words = text.toLowerCase().split(/\s+/);
  return jobs.filter((job) => {
    const searched = searchedText(job).toLowerCase();
    return words.every((word) => searched.includes(word));
  });
}

function searchedText(job: ListedJob): string {
  if ('unknown' in job) return job.id;
  const { id, inputs = [], firstImages = [] } = job;
  return [id, jobTitle(job), ...inputs, ...firstImages.map(({ name }) => name)].join('\n');
}
