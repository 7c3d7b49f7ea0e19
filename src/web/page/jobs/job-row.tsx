import { isDropJob } from '../../../core/job/job-ids.ts';
import { jobPath } from '../address.ts';
import { age, counted, moment } from '../format.ts';
import {
  doneFraction,
  factsOf,
  isActive,
  jobTitle,
  modelText,
  progressText,
  stateText,
} from '../job/job-text.ts';
import { ProgressBar } from '../shell/progress-bar.tsx';
import type { ListedJob } from './filter-jobs.ts';
import { JobPictures } from './job-pictures.tsx';

interface JobRowProps {
  job: ListedJob;
  isSelected: boolean;
  onSelect(): void;
}

export function JobRow({ job, isSelected, onSelect }: JobRowProps) {
  const title = 'unknown' in job ? job.id : jobTitle(job);
  return (
    <li class={`job-row ${isSelected ? 'job-row-selected' : ''}`}>
      <input type="checkbox" aria-label={`Select ${title}`} checked={isSelected} onChange={onSelect} />
      {'unknown' in job ? <UnknownJob job={job} /> : <KnownJob job={job} title={title} />}
    </li>
  );
}

const UnknownJob = ({ job }: { job: Extract<ListedJob, { unknown: string }> }) => (
  <>
    <span class="job-pictures" />
    <span class="job-row-name">
      <code>{job.id}</code>
    </span>
    <span class="job-row-chips">
      <span class="chip chip-error">Unreadable</span>
    </span>
    <span class="job-row-facts" title={job.unknown}>
      {job.unknown}
    </span>
  </>
);

function KnownJob({ job, title }: { job: Exclude<ListedJob, { unknown: string }>; title: string }) {
  const text = progressText(job);
  const more = [...factsOf(job), modelText(job)].filter((fact) => fact !== '');
  return (
    <>
      <JobPictures job={job} />
      <a class="job-row-name cover" href={jobPath(job.id)} aria-label={`${title}, ${text}`} title={title}>
        {title}
      </a>
      <span class="job-row-chips">
        {!isDropJob(job.id) && job.state !== 'finished' && (
          <span class={`chip chip-${job.state}`}>{stateText(job)}</span>
        )}
        {job.errors > 0 && <span class="chip chip-error">{counted(job.errors, 'error')}</span>}
      </span>
      <span class="job-row-facts" title={[text, ...more].join(' · ')}>
        {text}
        {more.length > 0 && <span class="job-row-more"> · {more.join(' · ')}</span>}
      </span>
      <time
        class="job-row-date"
        dateTime={new Date(job.createdAtMs).toISOString()}
        title={moment(job.createdAtMs)}
      >
        {age(job.createdAtMs, Date.now())}
      </time>
      {isActive(job) && (
        <ProgressBar label={`Progress of ${title}`} fraction={doneFraction(job)} text={text} />
      )}
    </>
  );
}
