import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { binaryByteSize } from '../../../core/text/byte-size.ts';
import { harmless } from '../../../core/text/harmless.ts';
import { jobPath } from '../address.ts';
import { counted, number } from '../format.ts';
import { navigate } from '../location.ts';
import { server } from '../service/server.ts';
import { submitUpload } from '../service/submit-upload.ts';
import type { UploadStage } from '../service/upload-stage.ts';
import { ErrorNotice, Notice } from '../shell/notice.tsx';
import { Thumbnail } from '../shell/thumbnail.tsx';
import { OptionFields, type UploadOptions } from './option-fields.tsx';
import { keepOriginals } from './originals.ts';
import { type ChosenImage, limitExceeded, totalBytes } from './select-images.ts';
import { UploadProgress } from './upload-progress.tsx';

/** More images than this are only counted. */
const MAX_THUMBNAILS = 120;

/** The chosen images, before they are submitted. */
export function Tray({
  chosen,
  isBusy,
}: {
  chosen: Signal<readonly ChosenImage[]>;
  isBusy: Signal<boolean>;
}) {
  const options = useSignal<UploadOptions>({
    topK: undefined,
    model: undefined,
    labels: undefined,
  });
  const stage = useSignal<UploadStage | undefined>(undefined);
  const failure = useSignal<unknown>(undefined);
  const upload = useRef<AbortController>(undefined);
  const button = useRef<HTMLButtonElement>(null);
  const images = chosen.value;
  const limits = server.value?.limits;
  const excess = limits === undefined ? undefined : limitExceeded(images, limits);

  useEffect(() => button.current?.focus({ preventScroll: true }), []);
  useEffect(() => () => upload.current?.abort(), []);

  async function start() {
    const controller = new AbortController();
    upload.current = controller;
    isBusy.value = true;
    failure.value = undefined;
    stage.value = { name: 'sending', sentBytes: 0, totalBytes: totalBytes(images) };
    try {
      const onStage = (next: UploadStage) => {
        if (!controller.signal.aborted) stage.value = next;
      };
      const job = await submitUpload({ images, ...options.value }, onStage, controller.signal);
      keepOriginals(job.id, images);
      navigate(jobPath(job.id));
    } catch (error) {
      if (!controller.signal.aborted) failure.value = error;
    } finally {
      stage.value = undefined;
      isBusy.value = false;
    }
  }

  return (
    <section class="tray" aria-label="Chosen images">
      <div class="tray-head">
        <h2>
          {counted(images.length, 'image')} <span class="muted">· {binaryByteSize(totalBytes(images))}</span>
        </h2>
        {stage.value === undefined && (
          <div class="buttons">
            <button
              type="button"
              onClick={() => {
                chosen.value = [];
              }}
            >
              Clear
            </button>
            <button
              ref={button}
              type="button"
              class="primary"
              disabled={excess !== undefined}
              onClick={() => void start()}
            >
              Label {counted(images.length, 'image')}
            </button>
          </div>
        )}
      </div>
      {excess !== undefined && <Notice kind="error">{excess}</Notice>}
      {failure.value !== undefined && <ErrorNotice error={failure.value} />}
      {stage.value === undefined ? (
        <OptionFields options={options} />
      ) : (
        <UploadProgress stage={stage.value} onCancel={() => upload.current?.abort()} />
      )}
      <ul class="tray-images" aria-label="Images to be labelled">
        {images.slice(0, MAX_THUMBNAILS).map((image) => (
          <li key={image}>
            <Thumbnail file={image.file} />
            <span class="name">{harmless(image.name)}</span>
            {stage.value === undefined && (
              <button
                type="button"
                class="remove"
                aria-label={`Remove ${harmless(image.name)}`}
                onClick={() => {
                  chosen.value = chosen.value.filter((other) => other !== image);
                }}
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
