import type { OutcomeView } from '../../api.ts';
import { percent } from '../format.ts';
import { errorWords } from './job-text.ts';
import { isFailed } from './outcomes.ts';
import { ScoreBar } from './score-bar.tsx';

/** All that is known of an image: its best classes, or what is wrong with it. */
export function OutcomeDetail({ outcome, most }: { outcome: OutcomeView | undefined; most?: number }) {
  if (outcome === undefined) return <p class="muted">It has no label yet.</p>;
  if (isFailed(outcome))
    return (
      <>
        <p>{errorWords(outcome.error.code).long}</p>
        <p class="small">{outcome.error.message}</p>
      </>
    );
  return (
    <>
      <ol class="classes">
        {outcome.labels.slice(0, most).map(({ wnid, label, score }) => (
          <li key={wnid}>
            <span class="label">{label}</span> <span class="score">{percent(score)}</span>
            <ScoreBar score={score} />
          </li>
        ))}
      </ol>
      {outcome.warning === 'low_resolution' && (
        <p class="warning">The image is so small that its label is little more than a guess.</p>
      )}
      <p class="small">
        {outcome.model}, {outcome.ms.toFixed(1)} ms
      </p>
    </>
  );
}
