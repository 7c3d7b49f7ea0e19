import { percent } from '../../../core/text/percent.ts';
import { guessesText, warningText } from '../../../core/text/warning-text.ts';
import type { JobView } from '../../api.ts';
import type { OutcomeView } from '../../outcome-views.ts';
import { errorAdvice } from './error-text.ts';
import { isFailed } from './follow/outcomes.ts';
import { ScoreBar } from './score-bar.tsx';

interface OutcomeDetailProps {
  job: JobView;
  outcome: OutcomeView | undefined;
  minScore: number;
  maxLabels?: number;
}

/** The labels of an image, best first, and what is wrong with them; or its error, and what to do about it. */
export function OutcomeDetail({ job, outcome, minScore, maxLabels }: OutcomeDetailProps) {
  if (outcome === undefined) return <p class="muted">No label yet.</p>;
  if (isFailed(outcome))
    return (
      <>
        <p>{outcome.error.message}</p>
        <p class="small">{errorAdvice(outcome, job)}</p>
      </>
    );
  const { labels, score, warning, decodedShare, source } = outcome;
  return (
    <>
      {warning !== undefined && <p class="warning">{warningText(warning, decodedShare)}</p>}
      {warning === undefined && score < minScore && <p class="warning">{guessesText(1, minScore)}</p>}
      {source === 'preview' && (
        <p class="small">The file is camera raw: its embedded preview was labelled.</p>
      )}
      <ol class="classes" aria-label="Labels">
        {labels.slice(0, maxLabels).map((one) => (
          <li key={one.wnid}>
            <span class="class-label">{one.label}</span> <span class="score">{percent(one.score)}</span>
            <ScoreBar score={one.score} />
          </li>
        ))}
      </ol>
    </>
  );
}
