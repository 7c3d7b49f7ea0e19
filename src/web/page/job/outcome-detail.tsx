import { percent } from '../../../core/text/percent.ts';
import { GUESS_BELOW, guessesText, warningText } from '../../../core/text/warning-text.ts';
import type { OutcomeView } from '../../outcome-views.ts';
import { errorText } from './job-text.ts';
import { isFailed, isGuess } from './outcomes.ts';
import { ScoreBar } from './score-bar.tsx';

/** The labels of an image, best first, or its error. */
export function OutcomeDetail({
  outcome,
  maxLabels,
}: {
  outcome: OutcomeView | undefined;
  maxLabels?: number;
}) {
  if (outcome === undefined) return <p class="muted">No label yet.</p>;
  if (isFailed(outcome))
    return (
      <>
        <p>{errorText(outcome.error.code).long}</p>
        <p class="small">{outcome.error.message}</p>
      </>
    );
  return (
    <>
      <ol class="classes">
        {outcome.labels.slice(0, maxLabels).map(({ wnid, label, score }) => (
          <li key={wnid}>
            <span class="label">{label}</span> <span class="score">{percent(score)}</span>
            <ScoreBar score={score} />
          </li>
        ))}
      </ol>
      {outcome.category !== undefined && (
        <p class="small">
          Category: <span class="chip">{outcome.category.name}</span> {percent(outcome.category.score)}
        </p>
      )}
      {isGuess(outcome) && <p class="warning">{guessesText(1, GUESS_BELOW)}</p>}
      {outcome.warning !== undefined && (
        <p class="warning">{warningText(outcome.warning, outcome.decodedShare)}</p>
      )}
      {outcome.source === 'preview' && (
        <p class="small">The file is camera raw: its embedded preview was labelled.</p>
      )}
      <p class="small">
        {outcome.model},{' '}
        {outcome.known === true ? 'labelled by an earlier job' : `${outcome.ms.toFixed(1)} ms`}
      </p>
    </>
  );
}
