import { useEffect, useRef } from 'preact/hooks';
import type { OutcomeView } from '../../outcome-views.ts';
import { Thumbnail } from '../shell/thumbnail.tsx';
import { originalOf } from '../upload/originals.ts';
import { OutcomeDetail } from './outcome-detail.tsx';

interface ImageDialogProps {
  job: string;
  index: number;
  name: string;
  outcome: OutcomeView | undefined;
  /** `3 of 24`. */
  positionText: string;
  onMove(step: 1 | -1): void;
  onClose(): void;
}

/** One large image with all its labels. Arrow keys show the next or previous image, Escape closes the dialog. */
export function ImageDialog({ job, index, name, outcome, positionText, onMove, onClose }: ImageDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);

  function onKeyDown({ key }: KeyboardEvent) {
    if (key === 'ArrowLeft') onMove(-1);
    if (key === 'ArrowRight') onMove(1);
  }
  /** A click on the backdrop has the dialog itself as its target. */
  function onClick({ target }: MouseEvent) {
    if (target === dialog.current) dialog.current?.close();
  }

  return (
    <dialog
      ref={dialog}
      class="image-dialog"
      aria-labelledby="image-dialog-name"
      onClose={onClose}
      onKeyDown={onKeyDown}
      onClick={onClick}
    >
      <div class="image-dialog-body">
        <div class="image-dialog-picture">
          <Thumbnail
            key={index}
            file={originalOf(job, index)?.file}
            address={`v1/jobs/${job}/images/${index}`}
          />
        </div>
        <div class="image-dialog-text">
          <h2 id="image-dialog-name">{name}</h2>
          <OutcomeDetail outcome={outcome} />
          <div class="buttons">
            <button type="button" aria-label="Previous image" onClick={() => onMove(-1)}>
              ←
            </button>
            <span class="small">{positionText}</span>
            <button type="button" aria-label="Next image" onClick={() => onMove(1)}>
              →
            </button>
            <button type="button" class="last" onClick={() => dialog.current?.close()}>
              Close
            </button>
          </div>
        </div>
      </div>
    </dialog>
  );
}
