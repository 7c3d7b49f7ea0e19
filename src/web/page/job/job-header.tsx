import type { JobView } from '../../api.ts';
import { Menu, MenuLink } from '../controls/menu.tsx';
import { age } from '../format.ts';
import { ProgressBar } from '../shell/progress-bar.tsx';
import { JobMenu } from './job-menu.tsx';
import {
  doneFraction,
  factsOf,
  isActive,
  jobTitle,
  modelText,
  progressText,
  stateText,
  wholeName,
} from './job-text.ts';
import { ShareButton } from './share-button.tsx';
import type { JobActions } from './use-job-actions.ts';
import { useStartText } from './use-start-text.ts';

const FORMATS = [
  { format: 'csv', text: 'CSV', hint: 'For spreadsheets' },
  { format: 'json', text: 'JSON', hint: 'With all labels of each photo' },
  { format: 'parquet', text: 'Parquet', hint: 'For DuckDB, pandas and Spark' },
  { format: 'ndjson', text: 'NDJSON', hint: 'One photo a line, for programs' },
] as const;

/** Such as the name of a file, which has no good place to break. */
const LONG_WORD = /\S{18}/;

interface JobHeaderProps {
  job: JobView;
  actions: JobActions;
}

/** What the job is, how far it is, and what can be done with it. */
export function JobHeader({ job, actions }: JobHeaderProps) {
  const title = jobTitle(job);
  const text = progressText(job);
  const start = useStartText(job);
  const facts = [text, ...factsOf(job), age(job.createdAtMs, Date.now())];
  return (
    <header class="job-head">
      <h1 tabIndex={-1} class={LONG_WORD.test(title) ? 'breaks' : ''} title={wholeName(job)}>
        {title}
      </h1>
      <div class="job-actions">
        {job.done > 0 && (
          <Menu class="primary job-download" label="Download" icon="download" text="Download">
            {FORMATS.map(({ format, ...item }) => (
              <MenuLink
                key={format}
                icon="download"
                href={`v1/jobs/${job.id}/results?format=${format}`}
                download
                {...item}
              />
            ))}
          </Menu>
        )}
        <ShareButton title={title} />
        <JobMenu job={job} actions={actions} />
      </div>
      <p class="job-facts">
        {job.state !== 'finished' && <span class={`chip chip-${job.state}`}>{start ?? stateText(job)}</span>}
        {facts.map((fact) => (
          <span key={fact}>{fact}</span>
        ))}
        {job.model !== undefined && <span class="job-model">{modelText(job)}</span>}
      </p>
      {isActive(job) && <ProgressBar label="Progress of the job" fraction={doneFraction(job)} text={text} />}
    </header>
  );
}
