import type { OutcomeView } from '../../api.ts';
import { percent } from '../format.ts';
import { errorText } from './job-text.ts';
import { isFailed } from './outcomes.ts';
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
      {outcome.warning === 'low_resolution' && (
        <p class="warning">The image is very small, so its label is unreliable.</p>
      )}
      <p class="small">
        {outcome.model}, {outcome.ms.toFixed(1)} ms
      </p>
    </>
  );
}
