import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { IMAGE_ENDINGS } from '../../../core/model/image-endings.ts';
import { binaryByteSize } from '../../../core/text/byte-size.ts';
import { number } from '../format.ts';
import { server } from '../service/server.ts';
import { collectFromList } from './collect-files.ts';
import type { ChosenImage } from './select-images.ts';

/** All browsers support this attribute, but the DOM types lack it. */
const WHOLE_FOLDERS = { webkitdirectory: true };

interface DropZoneProps {
  isSmall: boolean;
  isReading: boolean;
  isDisabled: boolean;
  onFiles(files: readonly ChosenImage[]): void;
}

/** Takes dropped images, and offers buttons to choose them. */
export function DropZone({ isSmall, isReading, isDisabled, onFiles }: DropZoneProps) {
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const isOver = useSignal(false);
  const limits = server.value?.limits;
  useDragging(isOver);

  function take(input: HTMLInputElement) {
    onFiles(collectFromList(input.files ?? []));
    // Without this, choosing the same file again fires no event.
    input.value = '';
  }

  return (
    <div class={`drop ${isSmall ? 'drop-small' : ''} ${isOver.value ? 'drop-over' : ''}`}>
      <svg class="drop-picture" viewBox="0 0 64 48" aria-hidden="true">
        <rect x="6" y="4" width="52" height="40" rx="7" />
        <path d="M12 36l12-15 9 11 5-6 12 10" />
        <circle cx="44" cy="15" r="4" />
      </svg>
      <p class="drop-words">
        {isReading
          ? 'Reading…'
          : isSmall
            ? 'Drop or paste more'
            : 'Drop photos or a folder here, or paste a photo'}
      </p>
      <div class="buttons">
        <button
          type="button"
          class={isSmall ? '' : 'primary'}
          disabled={isDisabled}
          onClick={() => files.current?.click()}
        >
          Choose images
        </button>
        <button type="button" disabled={isDisabled} onClick={() => folder.current?.click()}>
          Choose a folder
        </button>
      </div>
      <input
        ref={files}
        hidden
        type="file"
        multiple
        accept={`image/*,${IMAGE_ENDINGS.map((ending) => `.${ending}`).join()}`}
        aria-label="Images"
        onChange={(event) => take(event.currentTarget)}
      />
      <input
        ref={folder}
        hidden
        type="file"
        multiple
        {...WHOLE_FOLDERS}
        aria-label="Folder"
        onChange={(event) => take(event.currentTarget)}
      />
      {!isSmall && limits !== undefined && (
        <p class="small">
          JPEG, PNG, WebP, GIF, TIFF, AVIF, HEIC or BMP. Up to {binaryByteSize(limits.imageBytes)} each,{' '}
          {number(limits.files)} at a time.
        </p>
      )}
    </div>
  );
}

/** Highlights the zone while something is dragged over any part of the page. */
function useDragging(isOver: { value: boolean }): void {
  useEffect(() => {
    const closed = new AbortController();
    const { signal } = closed;
    document.addEventListener(
      'dragover',
      () => {
        isOver.value = true;
      },
      { signal },
    );
    for (const end of ['drop', 'dragend', 'mouseout'] as const)
      document.addEventListener(
        end,
        () => {
          isOver.value = false;
        },
        { signal },
      );
    document.addEventListener(
      'dragleave',
      ({ relatedTarget }) => {
        if (relatedTarget === null) isOver.value = false;
      },
      { signal },
    );
    return () => closed.abort();
  }, [isOver]);
}
