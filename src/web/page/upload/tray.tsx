import { useEffect, useRef } from 'preact/hooks';
import { binaryByteSize } from '../../../core/text/byte-size.ts';
import { harmless } from '../../../core/text/harmless.ts';
import { baseName, counted, number } from '../format.ts';
import { server } from '../service/server.ts';
import { ErrorNotice, Notice } from '../shell/notice.tsx';
import { Thumbnail } from '../shell/thumbnail.tsx';
import { OptionFields } from './option-fields.tsx';
import { limitExceeded, totalBytes, typeOf } from './select-images.ts';
import {
  cancelUpload,
  chosen,
  discardTray,
  failure,
  options,
  removeChosen,
  stage,
  startUpload,
  uploading,
} from './tray-state.ts';
import { UploadProgress } from './upload-progress.tsx';

/** More images than this are only counted. */
const MAX_THUMBNAILS = 120;

/** The chosen images, before they are submitted. */
export function Tray() {
  const button = useRef<HTMLButtonElement>(null);
  const images = stage.value === undefined ? chosen.value : uploading.value;
  const limits = server.value?.limits;
  const excess = limits === undefined ? undefined : limitExceeded(images, limits);
  useEffect(() => button.current?.focus({ preventScroll: true }), []);

  return (
    <section class="tray" aria-label="Chosen images">
      <div class="tray-head">
        <h2>
          {counted(images.length, 'photo')} <span class="muted">· {binaryByteSize(totalBytes(images))}</span>
        </h2>
        {stage.value === undefined && (
          <div class="buttons">
            <button type="button" onClick={discardTray}>
              Clear
            </button>
            <button
              ref={button}
              type="button"
              class="primary"
              disabled={excess !== undefined}
              onClick={() => void startUpload()}
            >
              Label {counted(images.length, 'photo')}
            </button>
          </div>
        )}
      </div>
      {excess !== undefined && <Notice kind="error">{excess}</Notice>}
      {failure.value !== undefined && <ErrorNotice error={failure.value} />}
      {stage.value === undefined ? (
        <OptionFields options={options} />
      ) : (
        <>
          <UploadProgress stage={stage.value} onCancel={cancelUpload} />
          {chosen.value.length > 0 && (
            <p class="muted" role="status">
              {counted(chosen.value.length, 'more photo')} will be here for the next job.
            </p>
          )}
        </>
      )}
      <ul class="tray-images" aria-label="Images to be labelled">
        {images.slice(0, MAX_THUMBNAILS).map((image) => (
          <li key={image}>
            <Thumbnail file={image.file} type={typeOf(image.name)} />
            <span class="name" title={harmless(image.name)}>
              {baseName(harmless(image.name))}
            </span>
            {stage.value === undefined && (
              <button
                type="button"
                class="remove"
                aria-label={`Remove ${harmless(image.name)}`}
                onClick={() => removeChosen(image)}
              >
                <svg viewBox="0 0 16 16" aria-hidden="true">
                  <path d="M4 4l8 8M12 4l-8 8" />
                </svg>
              </button>
            )}
          </li>
        ))}
      </ul>
      {images.length > MAX_THUMBNAILS && (
        <p class="muted">and {number(images.length - MAX_THUMBNAILS)} more</p>
      )}
    </section>
  );
}
