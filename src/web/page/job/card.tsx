import { percent } from '../../../core/text/percent.ts';
import type { OutcomeView } from '../../outcome-views.ts';
import { Thumbnail } from '../shell/thumbnail.tsx';
import { originalOf } from '../upload/originals.ts';
import { HOVER_DETAIL } from './hover-detail.tsx';
import { errorText, imageText, markOf } from './job-text.ts';
import { isFailed, type OutcomeState } from './outcomes.ts';
import { ScoreBar } from './score-bar.tsx';

interface ImageCardProps {
  job: string;
  index: number;
  name: string;
  outcome: OutcomeView | undefined;
  state: OutcomeState;
  position: number;
  shown: number;
  isCurrent: boolean;
  isPointed: boolean;
  onPoint(card: HTMLElement | undefined): void;
  onOpen(): void;
}

/** One image: its picture, name and outcome. */
export function ImageCard(props: ImageCardProps) {
  const { job, index, name, outcome, state, position, shown, isCurrent, isPointed, onPoint, onOpen } = props;
  const point = ({ currentTarget }: { currentTarget: HTMLElement }) => onPoint(currentTarget);
  const mark = markOf(outcome);
  const unpoint = () => onPoint(undefined);
  return (
    // biome-ignore lint/a11y/useSemanticElements: there are rows between the list and its items.
    <div class="cell" role="listitem" aria-posinset={position + 1} aria-setsize={shown}>
      <button
        type="button"
        class={`photo photo-${state}`}
        tabIndex={isCurrent ? 0 : -1}
        data-position={position}
        aria-label={imageText(name, outcome, state)}
        aria-describedby={isPointed ? HOVER_DETAIL : undefined}
        aria-haspopup="dialog"
        onClick={onOpen}
        onFocus={point}
        onBlur={unpoint}
        onMouseEnter={point}
        onMouseLeave={unpoint}
      >
        <Thumbnail file={originalOf(job, index)?.file} address={`v1/jobs/${job}/images/${index}`} />
        {mark !== undefined && <span class="chip chip-warning photo-mark">{mark}</span>}{' '}
        <span class="caption">
          <OutcomeCaption outcome={outcome} state={state} /> <span class="name">{name}</span>
        </span>
      </button>
    </div>
  );
}

function OutcomeCaption({ outcome, state }: { outcome: OutcomeView | undefined; state: OutcomeState }) {
  if (outcome === undefined)
    return <span class="verdict verdict-waiting">{state === 'loading' ? 'Loading' : 'Waiting'}</span>;
  if (isFailed(outcome))
    return <span class="verdict verdict-error">{errorText(outcome.error.code).short}</span>;
  return (
    <>
      <span class="verdict">
        <span class="label">{outcome.label}</span> <span class="score">{percent(outcome.score)}</span>
      </span>
      <ScoreBar score={outcome.score} />{' '}
      {outcome.category !== undefined && <span class="category">{outcome.category.name}</span>}
    </>
  );
}
