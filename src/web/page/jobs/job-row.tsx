import type { JobPage } from '../../api.ts';
import { jobAddress } from '../address.ts';
import { age, counted } from '../format.ts';
import { doneShare, factsOf, isGoing, modelWords, progressWords, stateWords } from '../job/job-text.ts';
import { ProgressBar } from '../shell/progress-bar.tsx';

export function JobRow({ job }: { job: JobPage['jobs'][number] }) {
  if ('unknown' in job)
    return (
      <li class="job-row job-row-unknown">
        <span class="job-row-name">
          <code>{job.id}</code>
        </span>
        <span class="chip">Could not be read</span>
        <span class="job-row-facts">{job.unknown}</span>
      </li>
    );
  const words = progressWords(job);
  return (
    <li class="job-row">
      <a class="job-row-name" href={jobAddress(job.id)} aria-label={`${words}, job ${job.id}`}>
        {words}
      </a>
      <span class="job-row-chips">
        <span class={`chip chip-${job.state}`}>{stateWords(job)}</span>
        {job.errors > 0 && <span class="chip chip-error">{counted(job.errors, 'error')}</span>}
      </span>
      <span class="job-row-facts">
        {[age(job.createdAtMs, Date.now()), ...factsOf(job), modelWords(job)]
          .filter((fact) => fact !== '')
          .join(' · ')}
      </span>
      {isGoing(job) && (
        <ProgressBar label={`Progress of job ${job.id}`} share={doneShare(job)} text={words} />
      )}
    </li>
  );
}
