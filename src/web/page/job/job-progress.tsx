import type { JobView } from '../../api.ts';
import { counted } from '../format.ts';
import { ProgressBar } from '../shell/progress-bar.tsx';
import { doneShare, factsOf, isGoing, progressWords, stateWords } from './job-text.ts';

export function JobProgress({ job }: { job: JobView }) {
  const share = doneShare(job);
  const words = progressWords(job);
  return (
    <div class="job-head">
      <div class="job-title">
        <h1 tabIndex={-1}>{words}</h1>
        <span class={`chip chip-${job.state}`}>{stateWords(job)}</span>
        {job.errors > 0 && <span class="chip chip-error">{counted(job.errors, 'error')}</span>}
      </div>
      {isGoing(job) && <ProgressBar label="Progress of the job" share={share} text={words} />}
      <ul class="facts" aria-label="Figures">
        {factsOf(job).map((fact) => (
          <li key={fact}>{fact}</li>
        ))}
      </ul>
    </div>
  );
}
