/** The chosen images and their upload. They outlive the view: the user may look at other views meanwhile. */
import { batch, signal } from '@preact/signals';
import { jobPath } from '../address.ts';
import { showToast } from '../controls/toast.tsx';
import { counted } from '../format.ts';
import { navigate, view } from '../location.ts';
import { serverLoaded } from '../service/server.ts';
import { submitUpload } from '../service/submit-upload.ts';
import type { UploadStage } from '../service/upload-stage.ts';
import { announce } from '../shell/live-region.tsx';
import { revokeObjectUrl } from '../shell/object-urls.ts';
import type { UploadOptions } from './option-fields.tsx';
import { keepOriginals } from './originals.ts';
import { type ChosenImage, selectImages, totalBytes } from './select-images.ts';

export const chosen = signal<readonly ChosenImage[]>([]);
/** Images that are being uploaded. Those that are added meanwhile wait for the next job. */
export const uploading = signal<readonly ChosenImage[]>([]);
/** Sentences about files that were not taken. */
export const skipped = signal<readonly string[]>([]);
export const isReading = signal(false);
export const options = signal<UploadOptions>({
  topK: undefined,
  model: undefined,
  labels: undefined,
});
/** Undefined while nothing is uploaded. */
export const stage = signal<UploadStage | undefined>(undefined);
export const failure = signal<unknown>(undefined);

let upload = new AbortController();

/** Adds those of the found files that are images. */
export async function addFiles(finding: Promise<readonly ChosenImage[]>): Promise<void> {
  isReading.value = true;
  try {
    const found = await finding;
    const { limits } = await serverLoaded();
    const selection = selectImages(found, limits);
    chosen.value = [...chosen.value, ...selection.images];
    skipped.value = selection.skipped;
    announce([`${counted(chosen.value.length, 'photo')} chosen.`, ...selection.skipped].join(' '));
  } catch {
    skipped.value = ['Could not read the dropped files. Use the buttons instead.'];
  } finally {
    isReading.value = false;
  }
}

export function removeChosen(image: ChosenImage): void {
  revokeObjectUrl(image.file);
  chosen.value = chosen.value.filter((other) => other !== image);
}

export function discardTray(): void {
  for (const { file } of chosen.value) revokeObjectUrl(file);
  batch(() => {
    chosen.value = [];
    skipped.value = [];
    failure.value = undefined;
  });
}

export const cancelUpload = (): void => upload.abort();

/** Submits the chosen images as a job, and shows it if the user still looks at the upload. */
export async function startUpload(): Promise<void> {
  const images = chosen.value;
  upload = new AbortController();
  const { signal } = upload;
  batch(() => {
    chosen.value = [];
    uploading.value = images;
    skipped.value = [];
    failure.value = undefined;
    stage.value = { name: 'sending', sentBytes: 0, totalBytes: totalBytes(images) };
  });
  try {
    const onStage = (next: UploadStage) => {
      if (!signal.aborted) stage.value = next;
    };
    const job = await submitUpload({ images, ...options.value }, onStage, signal);
    keepOriginals(job.id, images);
    const more = chosen.value.length;
    if (more > 0) showToast(`Upload complete. ${counted(more, 'more photo')} can be labelled under New.`);
    else if (view.value.name !== 'upload') showToast('Upload complete.');
    if (view.value.name === 'upload') navigate(jobPath(job.id));
  } catch (error) {
    chosen.value = [...images, ...chosen.value];
    if (!signal.aborted) failure.value = error;
  } finally {
    batch(() => {
      uploading.value = [];
      stage.value = undefined;
    });
  }
}
