import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { JobView } from '../../../api.ts';
import type { OutcomeView } from '../../../outcome-views.ts';
import { CopyCurl } from '../../controls/copy-curl.tsx';
import { Icon } from '../../controls/icon.tsx';
import { baseName } from '../../format.ts';
import { originalOf } from '../../upload/originals.ts';
import { originalAddress, previewAddress, thumbnailAddress } from '../picture-addresses.ts';
import { PhotoDetail } from './photo-detail.tsx';
import { StagedPicture } from './staged-picture.tsx';
import { useGestures } from './use-gestures.ts';
import { WHOLE, type Zoom, zoomAt } from './zoom.ts';

/** A press of + or - zooms by this. */
const KEY_FACTOR = 1.5;
const MIDDLE = { x: 0, y: 0 };

interface PhotoViewProps {
  job: JobView;
  index: number;
  name: string;
  outcome: OutcomeView | undefined;
  minScore: number;
  /** The images that the arrows go through. */
  images: readonly number[];
  onMove(index: number): void;
  onClose(): void;
}

/** One image in the whole window, with all that is known of it. */
export function PhotoView(props: PhotoViewProps) {
  const { job, index, name, outcome, minScore, images, onMove, onClose } = props;
  const { id } = job;
  const dialog = useRef<HTMLDialogElement>(null);
  const stage = useRef<HTMLDivElement>(null);
  const zoom = useSignal<Zoom>(WHOLE);
  useEffect(() => {
    dialog.current?.showModal();
    // Not one of its buttons: the arrow keys work at once.
    dialog.current?.focus();
  }, []);
  useEffect(() => {
    zoom.value = WHOLE;
  }, [index]);

  const at = images.indexOf(index);
  const [previous, next] = [images[at - 1], at < 0 ? undefined : images[at + 1]];
  usePreloaded(id, [next, previous]);
  const move = (step: 1 | -1) => {
    const to = step === 1 ? next : previous;
    if (to !== undefined) onMove(to);
  };
  const gestures = useGestures(zoom, move);
  const zoomBy = (factor: number) => {
    const { clientWidth: width = 0, clientHeight: height = 0 } = stage.current ?? {};
    zoom.value = zoomAt(zoom.value, factor, MIDDLE, { width, height });
  };
  function onKeyDown(event: KeyboardEvent) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const actions: Record<string, () => void> = {
      ArrowLeft: () => move(-1),
      ArrowRight: () => move(1),
      '+': () => zoomBy(KEY_FACTOR),
      '=': () => zoomBy(KEY_FACTOR),
      '-': () => zoomBy(1 / KEY_FACTOR),
      '0': () => {
        zoom.value = WHOLE;
      },
    };
    const act = actions[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  }
  return (
    <dialog
      ref={dialog}
      class="photo-view"
      tabIndex={-1}
      aria-labelledby="photo-title"
      onCancel={(event) => {
        // The address closes it, so that Back and Escape do the same.
        event.preventDefault();
        onClose();
      }}
      onClose={onClose}
      onKeyDown={onKeyDown}
    >
      <div ref={stage} class={`stage ${zoom.value.scale > 1 ? 'stage-zoomed' : ''}`} {...gestures}>
        <StagedPicture
          key={index}
          file={originalOf(id, index)?.file}
          thumbnail={thumbnailAddress(id, index)}
          preview={previewAddress(id, index)}
          zoom={zoom.value}
        />
        <StageButton
          icon="back"
          label="Previous photo"
          isDisabled={previous === undefined}
          onPress={() => move(-1)}
        />
        <StageButton icon="next" label="Next photo" isDisabled={next === undefined} onPress={() => move(1)} />
      </div>
      <div class="photo-side">
        <div class="photo-bar">
          <span class="small">{at >= 0 && `${at + 1} of ${images.length}`}</span>
          <button
            type="button"
            class="quiet icon-button"
            aria-label={zoom.value.scale > 1 ? 'Show the whole photo' : 'Zoom in'}
            title="Zoom (+ and -)"
            onClick={() => (zoom.value.scale > 1 ? zoomBy(0) : zoomBy(KEY_FACTOR ** 2))}
          >
            <Icon name="zoom" />
          </button>
          <CopyCurl path={originalAddress(id, index).slice('v1/'.length)} options=" -O" />
          <a
            class="button quiet icon-button"
            href={originalAddress(id, index)}
            download={baseName(name)}
            aria-label="Download the original"
            title="Download the original"
          >
            <Icon name="download" />
          </a>
          <button
            type="button"
            class="quiet icon-button"
            aria-label="Close"
            title="Close (Esc)"
            onClick={onClose}
          >
            <Icon name="close" />
          </button>
        </div>
        <PhotoDetail job={job} index={index} name={name} outcome={outcome} minScore={minScore} />
      </div>
    </dialog>
  );
}

interface StageButtonProps {
  icon: 'back' | 'next';
  label: string;
  isDisabled: boolean;
  onPress(): void;
}

const StageButton = ({ icon, label, isDisabled, onPress }: StageButtonProps) => (
  <button
    type="button"
    class={`icon-button stage-button stage-${icon}`}
    aria-label={label}
    // Not disabled: a button that has the focus would lose it, and the keys with it.
    aria-disabled={isDisabled}
    onClick={onPress}
  >
    <Icon name={icon} />
  </button>
);

/** Loads the neighbours' pictures, so that they appear at once. */
function usePreloaded(job: string, neighbours: readonly (number | undefined)[]): void {
  useEffect(() => {
    for (const index of neighbours) if (index !== undefined) new Image().src = previewAddress(job, index);
  }, neighbours);
}
