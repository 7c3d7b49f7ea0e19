import { harmless } from '../../../../core/text/harmless.ts';
import { wholePercent } from '../../../../core/text/percent.ts';
import type { JobView } from '../../../api.ts';
import type { OutcomeView } from '../../../outcome-views.ts';
import { copyText } from '../../controls/copy-text.ts';
import { Icon } from '../../controls/icon.tsx';
import { shortErrorText } from '../error-text.ts';
import { isFailed } from '../follow/outcomes.ts';
import { markOf } from '../job-text.ts';
import { OutcomeDetail } from '../outcome-detail.tsx';
import { useImagePlace } from './use-image-place.ts';

interface PhotoDetailProps {
  job: JobView;
  index: number;
  name: string;
  outcome: OutcomeView | undefined;
  minScore: number;
}

/** All that is known of an image, its label first. */
export function PhotoDetail({ job, index, name, outcome, minScore }: PhotoDetailProps) {
  const place = useImagePlace(job.id, index);
  const mark = markOf(outcome, minScore);
  const isError = outcome !== undefined && isFailed(outcome);
  return (
    <div class="photo-detail">
      <div class="photo-verdict">
        <h2 id="photo-title" class={isError ? 'failed' : ''}>
          {titleOf(outcome)}
        </h2>
        {outcome !== undefined && !isFailed(outcome) && (
          <p class="muted">
            {wholePercent(outcome.score)}
            {outcome.category !== undefined &&
              ` · ${outcome.category.name} ${wholePercent(outcome.category.score)}`}
          </p>
        )}
        {mark !== undefined && <span class="chip chip-warning">{mark}</span>}
      </div>
      <OutcomeDetail job={job} outcome={outcome} minScore={minScore} />
      <dl class="photo-facts">
        <dt>File</dt>
        <dd>{name}</dd>
        {place !== undefined && (
          <>
            <dt>Place</dt>
            <dd class="photo-place">
              <code>{harmless(place)}</code>
              <button
                type="button"
                class="quiet icon-button"
                aria-label="Copy the place"
                title="Copy"
                onClick={() => void copyText(place, 'Place copied')}
              >
                <Icon name="copy" />
              </button>
            </dd>
          </>
        )}
        {outcome !== undefined && !isFailed(outcome) && (
          <>
            <dt>Model</dt>
            <dd>
              {outcome.model}
              {outcome.known === true && ', labelled by an earlier job'}
            </dd>
          </>
        )}
      </dl>
    </div>
  );
}

function titleOf(outcome: OutcomeView | undefined): string {
  if (outcome === undefined) return 'Waiting';
  return isFailed(outcome) ? shortErrorText(outcome.error.code) : outcome.label;
}
