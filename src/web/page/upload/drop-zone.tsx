import { useRef } from 'preact/hooks';
import { binaryByteSize } from '../../../core/text/byte-size.ts';
import { number } from '../format.ts';
import { server } from '../service/server.ts';
import { AddressField } from './address-field.tsx';
import { collectFromList } from './collect-files.ts';
import { isDragging } from './drops.ts';
import { takesAddresses } from './pasted-addresses.ts';
import { TAKEN_ENDINGS } from './select-images.ts';
import { addFiles, chosen, isReading, uploading } from './tray-state.ts';

/** All browsers support this attribute, but the DOM types lack it. */
const WHOLE_FOLDERS = { webkitdirectory: true };
const ACCEPTED = `image/*,${TAKEN_ENDINGS.map((ending) => `.${ending}`).join()}`;

/** Takes dropped images, and offers buttons to choose them. Phones have no folders, but a camera. */
export function DropZone() {
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const camera = useRef<HTMLInputElement>(null);
  const isSmall = chosen.value.length + uploading.value.length > 0;
  const limits = server.value?.limits;

  function take({ currentTarget: input }: { currentTarget: HTMLInputElement }) {
    void addFiles(Promise.resolve(collectFromList(input.files ?? [])));
    // Without this, choosing the same file again fires no event.
    input.value = '';
  }

  return (
    <div class={`drop ${isSmall ? 'drop-small' : ''} ${isDragging.value ? 'drop-over' : ''}`}>
      {!isSmall && (
        <svg class="drop-picture" viewBox="0 0 64 48" aria-hidden="true">
          <rect x="6" y="4" width="52" height="40" rx="7" />
          <path d="M12 36l12-15 9 11 5-6 12 10" />
          <circle cx="44" cy="15" r="4" />
        </svg>
      )}
      <p class="drop-words">
        {isReading.value ? (
          'Reading…'
        ) : (
          <>
            <span class="for-mouse">
              {isSmall ? 'Drop or paste more' : 'Drop photos or a folder here, or paste a photo'}
            </span>
            <span class="for-touch">{isSmall ? 'Add more' : 'Take a photo, or choose some'}</span>
          </>
        )}
      </p>
      <div class="buttons">
        <button type="button" class={isSmall ? '' : 'primary'} onClick={() => files.current?.click()}>
          Choose photos
        </button>
        <button type="button" class="for-touch" onClick={() => camera.current?.click()}>
          Take a photo
        </button>
        <button type="button" class="for-mouse" onClick={() => folder.current?.click()}>
          Choose a folder
        </button>
      </div>
      <input ref={files} hidden type="file" multiple accept={ACCEPTED} aria-label="Images" onChange={take} />
      <input
        ref={folder}
        hidden
        type="file"
        multiple
        {...WHOLE_FOLDERS}
        aria-label="Folder"
        onChange={take}
      />
      <input
        ref={camera}
        hidden
        type="file"
        accept="image/*"
        capture="environment"
        aria-label="Camera"
        onChange={take}
      />
      {takesAddresses.value && <AddressField />}
      {!isSmall && limits !== undefined && (
        <p class="small">
          JPEG, PNG, WebP, GIF, TIFF, AVIF, HEIC, BMP or camera raw. Up to {binaryByteSize(limits.imageBytes)}{' '}
          each, {number(limits.files)} at a time.
        </p>
      )}
    </div>
  );
}
