import type { JobView } from '../../api.ts';
import type { ChosenImage } from '../upload/select-images.ts';
import { callService, serviceErrorOf, waitForToken } from './call-service.ts';
import { putInBucket } from './put-in-bucket.ts';
import { hexOf, throwIfUnreadable } from './read-file.ts';
import { isTransientStatus } from './retry.ts';
import { sendXhr, type XhrRequest } from './send-xhr.ts';
import { serverLoaded } from './server.ts';
import { type OnStage, pauseBeforeRetry } from './upload-stage.ts';

export interface UploadRequest {
  images: readonly ChosenImage[];
  topK: number | undefined;
  model: string | undefined;
  /** Separated by commas. */
  labels: string | undefined;
}

/**
 * Submits the images as a job. If the service and the browser support it, the images go directly to the bucket, and the
 * service gets their names and digests; otherwise they are uploaded to the service.
 * @throws {ServiceError} if a retry cannot help
 */
export async function submitUpload(
  upload: UploadRequest,
  onStage: OnStage,
  signal: AbortSignal,
): Promise<JobView> {
  const { images, topK, model, labels } = upload;
  const { directUploads } = await serverLoaded();
  // Browsers offer hashing only on https and on localhost.
  const isDirect = directUploads && crypto.subtle !== undefined;
  const stored = isDirect ? await putInBucket(images, onStage, signal) : undefined;
  if (stored !== undefined) {
    const body = JSON.stringify({ images: stored, topK, model, labels: labels?.split(',') });
    return await post({ headers: { 'content-type': 'application/json' }, body }, images, onStage, signal);
  }
  const onProgress = (sentBytes: number, totalBytes: number) =>
    onStage({ name: 'sending', sentBytes, totalBytes });
  return await post({ headers: {}, body: formOf(upload), onProgress }, images, onStage, signal);
}

function formOf({ images, topK, model, labels }: UploadRequest): FormData {
  const form = new FormData();
  if (topK !== undefined) form.append('topK', String(topK));
  if (model !== undefined) form.append('model', model);
  if (labels !== undefined) form.append('labels', labels);
  for (const { file, name } of images) form.append('files', file, name);
  return form;
}

/** Retries with the same idempotency key, so that repeated requests create one job. */
async function post(
  options: Pick<XhrRequest, 'headers' | 'body' | 'onProgress'>,
  images: readonly ChosenImage[],
  onStage: OnStage,
  signal: AbortSignal,
): Promise<JobView> {
  const headers = { ...options.headers, 'idempotency-key': randomKey() };
  const onSent = () => onStage({ name: 'storing' });
  const request = { ...options, method: 'POST', url: 'v1/jobs', headers, onSent } as const;
  for (let failures = 1; ; failures++) {
    const response = await sendXhr(request, signal);
    signal.throwIfAborted();
    if (response?.status === 201) return JSON.parse(response.text) as JobView;
    if (response?.status === 401) {
      await waitForToken();
      continue;
    }
    if (response === undefined) await throwIfUnreadable(images);
    const problem = response && serviceErrorOf(response.status, response.text);
    if (problem !== undefined && !isTransientStatus(problem.status)) throw problem;
    const reason = problem?.message ?? 'Connection lost.';
    await pauseBeforeRetry({ reason, failures, retryAfter: response?.retryAfter }, onStage, signal);
    // A reset can hide the 401 of a large upload. This small request gets it and shows the token form.
    await callService('/server', { signal }).catch(() => {});
  }
}

/** Not `randomUUID`: browsers offer it only on https and on localhost. */
const randomKey = (): string => hexOf(crypto.getRandomValues(new Uint8Array(16)));
