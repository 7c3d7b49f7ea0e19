import { useSignal } from '@preact/signals';
import type { JobPage, JobView } from '../../api.ts';
import { jobPath } from '../address.ts';
import { age, counted } from '../format.ts';
import { isActive, jobTitle, progressText, stateText } from '../job/job-text.ts';
import { callService } from '../service/call-service.ts';
import { usePolling } from '../shell/use-polling.ts';

import { JobPictures } from './job-pictures.tsx';

const LATEST = 4;
const POLL_INTERVAL_MS = 5000;

/** The newest jobs; undefined before they are loaded. */
export function useLatestJobs(): readonly JobView[] | undefined {
  const jobs = useSignal<readonly JobView[] | undefined>(undefined);
  usePolling(async (signal) => {
    try {
      const page = await callService<JobPage>(`/jobs?limit=${LATEST}`, { signal });
      jobs.value = page.jobs.filter((job): job is JobView => !('unknown' in job));
    } catch {
      // The start page works without them, and the next poll tries again.
    }
  }, POLL_INTERVAL_MS);
  return jobs.value;
}

export function LatestJobs({ jobs }: { jobs: readonly JobView[] }) {
  return (
    <section class="latest" aria-labelledby="latest-title">
      <div class="section-head">
        <h2 id="latest-title">Latest jobs</h2>
        <a href="jobs">All jobs</a>
      </div>
      <ul class="job-tiles">
        {jobs.map((job) => (
          <JobTile key={job.id} job={job} />
        ))}
      </ul>
    </section>
  );
}

function JobTile({ job }: { job: JobView }) {
  const name = jobTitle(job);
  return (
    <li class="card job-tile">
      <JobPictures job={job} />
      <a class="job-tile-name cover" href={jobPath(job.id)} title={name}>
        {name}
      </a>
      <span class="small">
        {isActive(job) ? `${stateText(job)}, ${progressText(job)}` : progressText(job)} ·{' '}
        {age(job.createdAtMs, Date.now())}
        {job.errors > 0 && ` · ${counted(job.errors, 'error')}`}
      </span>
    </li>
  );
}
