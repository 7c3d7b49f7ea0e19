import { wholePercent } from '../../../../core/text/percent.ts';
import type { OutcomeView } from '../../../outcome-views.ts';
import { baseName } from '../../format.ts';
import { Thumbnail } from '../../shell/thumbnail.tsx';
import { originalOf } from '../../upload/originals.ts';
import { shortErrorText } from '../error-text.ts';
import { isDoubtful, isFailed, type OutcomeState } from '../follow/outcomes.ts';
import { imageText, markOf } from '../job-text.ts';
import { thumbnailAddress } from '../picture-addresses.ts';
import { ScoreBar } from '../score-bar.tsx';
import { HOVER_DETAIL } from './hover-detail.tsx';

interface ImageCardProps {
  job: string;
  index: number;
  name: string;
  outcome: OutcomeView | undefined;
  state: OutcomeState;
  minScore: number;
  position: number;
  isCurrent: boolean;
  isOutside: boolean;
  isPointed: boolean;
  onPoint(card: HTMLElement | undefined): void;
  onOpen(): void;
}

/** One image: its picture, label and name. */
export function ImageCard(props: ImageCardProps) {
  const { job, index, name, outcome, state, minScore, position, isCurrent, isPointed } = props;
  const { isOutside, onPoint, onOpen } = props;
  const mark = markOf(outcome, minScore);
  const isDoubt = outcome !== undefined && isDoubtful(outcome, minScore);
  return (
    <button
      type="button"
      class={`photo photo-${state} ${isDoubt ? 'photo-doubtful' : ''}`}
      tabIndex={isCurrent ? 0 : -1}
      data-position={position}
      aria-label={imageText(name, { outcome, state, minScore })}
      aria-describedby={isPointed ? HOVER_DETAIL : undefined}
      aria-haspopup="dialog"
      onClick={onOpen}
      onFocus={({ currentTarget }) => {
        // A click or a closed photograph gives the focus, too.
        if (currentTarget.matches(':focus-visible')) onPoint(currentTarget);
      }}
      onBlur={() => onPoint(undefined)}
      // Not on enter: a card that comes under a pointer at rest would open its detail.
      onMouseMove={({ currentTarget }) => {
        if (!isPointed) onPoint(currentTarget);
      }}
      onMouseLeave={() => onPoint(undefined)}
    >
      <Thumbnail
        file={originalOf(job, index)?.file}
        address={thumbnailAddress(job, index)}
        isOutside={isOutside}
      />
      {mark !== undefined && <span class="chip chip-warning photo-mark">{mark}</span>}{' '}
      <span class="caption">
        <OutcomeCaption outcome={outcome} state={state} name={name} />
      </span>
    </button>
  );
}

interface OutcomeCaptionProps {
  outcome: OutcomeView | undefined;
  state: OutcomeState;
  name: string;
}

function OutcomeCaption({ outcome, state, name }: OutcomeCaptionProps) {
  if (outcome === undefined)
    return (
      <>
        <Line class="label waiting" text={state === 'loading' ? 'Loading' : 'Waiting'} />{' '}
        <Line class="name" text={baseName(name)} title={name} />
      </>
    );
  if (isFailed(outcome))
    return (
      <>
        <Line class="label failed" text={shortErrorText(outcome.error.code)} />{' '}
        <Line class="name" text={baseName(name)} title={name} />
      </>
    );
  const { label, score, category } = outcome;
  return (
    <>
      <ScoreBar score={score} />
      <span class="verdict">
        <Line class="label" text={label} /> <span class="score">{wholePercent(score)}</span>
      </span>{' '}
      <Line
        class="name"
        text={category === undefined ? baseName(name) : `${category.name} · ${baseName(name)}`}
        title={name}
      />
    </>
  );
}

/** A text that is shortened where it does not fit. */
const Line = ({ class: kind, text, title = text }: { class: string; text: string; title?: string }) => (
  <span class={`line ${kind}`} title={title}>
    {text}
  </span>
);
