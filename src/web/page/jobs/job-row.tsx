import type { JobPage } from '../../api.ts';
import { jobPath } from '../address.ts';
import { age, counted } from '../format.ts';
import { doneFraction, factsOf, isActive, modelText, progressText, stateText } from '../job/job-text.ts';
import { ProgressBar } from '../shell/progress-bar.tsx';

export function JobRow({ job }: { job: JobPage['jobs'][number] }) {
  if ('unknown' in job)
    return (
      <li class="job-row job-row-unknown">
        <span class="job-row-name">
          <code>{job.id}</code>
        </span>
        <span class="chip">Unreadable</span>
        <span class="job-row-facts">{job.unknown}</span>
      </li>
    );
  const text = progressText(job);
  return (
    <li class="job-row">
      <a class="job-row-name" href={jobPath(job.id)} aria-label={`${text}, job ${job.id}`}>
        {text}
      </a>
      <span class="job-row-chips">
        <span class={`chip chip-${job.state}`}>{stateText(job)}</span>
        {job.errors > 0 && <span class="chip chip-error">{counted(job.errors, 'error')}</span>}
      </span>
      <span class="job-row-facts">
        {[age(job.createdAtMs, Date.now()), ...factsOf(job), modelText(job)]
          .filter((fact) => fact !== '')
          .join(' · ')}
      </span>
      {isActive(job) && (
        <ProgressBar label={`Progress of job ${job.id}`} fraction={doneFraction(job)} text={text} />
      )}
    </li>
  );
}
