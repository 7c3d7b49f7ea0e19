import type { JobView } from '../../api.ts';
import type { Chosen } from '../upload/select-images.ts';
import { ask, problemOf, tokenGiven } from './call-service.ts';
import { putInBucket } from './put-in-bucket.ts';
import { hexOf, throwIfUnreadable } from './read-file.ts';
import { isTransientStatus } from './retry.ts';
import { exchange, type Sending } from './send-xhr.ts';
import { serverKnown } from './server.ts';
import { type OnStage, pause } from './upload-stage.ts';

export interface UploadRequest {
  images: readonly Chosen[];
  topK: number | undefined;
  model: string | undefined;
}

/**
 * Makes a job of the images. Where the service and the browser can, they are put straight into the bucket and named to the
 * service; else they are sent to it. @throws {ServiceError} when trying again cannot help
 */
export async function submitUpload(
  submission: UploadRequest,
  onStage: OnStage,
  signal: AbortSignal,
): Promise<JobView> {
  const { images, topK, model } = submission;
  const { directUploads } = await serverKnown();
  // Browsers hash for pages of https and of this machine only.
  const isDirect = directUploads && crypto.subtle !== undefined;
  const stored = isDirect ? await putInBucket(images, onStage, signal) : undefined;
  if (stored !== undefined) {
    const body = JSON.stringify({ images: stored, topK, model });
    return await post({ headers: { 'content-type': 'application/json' }, body }, images, onStage, signal);
  }
  const onProgress = (sentBytes: number, totalBytes: number) =>
    onStage({ name: 'sending', sentBytes, totalBytes });
  return await post({ headers: {}, body: formOf(submission), onProgress }, images, onStage, signal);
}

function formOf({ images, topK, model }: UploadRequest): FormData {
  const form = new FormData();
  if (topK !== undefined) form.append('topK', String(topK));
  if (model !== undefined) form.append('model', model);
  for (const { file, name } of images) form.append('files', file, name);
  return form;
}

/** Repeated under the same key while the connection fails, so that however often it is sent there is one job. */
async function post(
  sending: Pick<Sending, 'headers' | 'body' | 'onProgress'>,
  images: readonly Chosen[],
  onStage: OnStage,
  signal: AbortSignal,
): Promise<JobView> {
  const headers = { ...sending.headers, 'idempotency-key': randomKey() };
  const onSent = () => onStage({ name: 'storing' });
  const request = { ...sending, method: 'POST', url: '/v1/jobs', headers, onSent } as const;
  for (let failures = 1; ; failures++) {
    const answer = await exchange(request, signal);
    signal.throwIfAborted();
    if (answer?.status === 201) return JSON.parse(answer.text) as JobView;
    if (answer?.status === 401) {
      await tokenGiven();
      continue;
    }
    if (answer === undefined) await throwIfUnreadable(images);
    const problem = answer && problemOf(answer.status, answer.text);
    if (problem !== undefined && !isTransientStatus(problem.status)) throw problem;
    const why = problem?.message ?? 'The connection was lost.';
    await pause({ why, failures, retryAfter: answer?.retryAfter }, onStage, signal);
    // A refusal that a broken upload hides: the answer to a small question gets through.
    await ask('/server', { signal }).catch(() => {});
  }
}

/** Not `randomUUID`, which browsers offer to pages of https and of this machine only. */
const randomKey = (): string => hexOf(crypto.getRandomValues(new Uint8Array(16)));
