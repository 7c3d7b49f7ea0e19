import type { JobView } from '../../api.ts';
import { counted } from '../format.ts';
import { ProgressBar } from '../shell/progress-bar.tsx';
import { doneFraction, factsOf, isActive, progressText, stateText } from './job-text.ts';

export function JobProgress({ job }: { job: JobView }) {
  const fraction = doneFraction(job);
  const text = progressText(job);
  return (
    <div class="job-head">
      <div class="job-title">
        <h1 tabIndex={-1}>{text}</h1>
        <span class={`chip chip-${job.state}`}>{stateText(job)}</span>
        {job.errors > 0 && <span class="chip chip-error">{counted(job.errors, 'error')}</span>}
      </div>
      {isActive(job) && <ProgressBar label="Progress of the job" fraction={fraction} text={text} />}
      <ul class="facts" aria-label="Progress and cost">
        {factsOf(job).map((fact) => (
          <li key={fact}>{fact}</li>
        ))}
      </ul>
    </div>
  );
}
