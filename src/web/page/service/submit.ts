import type { JobView } from '../../api.ts';
import type { Chosen } from '../upload/chosen.ts';
import { ask, problemOf, ServiceError, tokenGiven } from './ask.ts';
import { isPassing, pauseMs } from './retry.ts';
import { sleepUntilOnline } from './sleep.ts';

export interface Submission {
  images: readonly Chosen[];
  topK: number | undefined;
  model: string | undefined;
}

export type UploadStage =
  | { name: 'sending'; sentBytes: number; totalBytes: number }
  /** All is sent; the service has still to answer. */
  | { name: 'storing' }
  | { name: 'pausing'; why: string; untilMs: number };

interface Answer {
  status: number;
  text: string;
  retryAfter: string | null;
}

/**
 * Sends the images in one request and repeats it under the same key while the connection fails, so that however often
 * it is sent there is one job. @throws {ServiceError} when trying again cannot help
 */
export async function submit(
  submission: Submission,
  onStage: (stage: UploadStage) => void,
  signal: AbortSignal,
): Promise<JobView> {
  const key = randomKey();
  for (let failures = 1; ; failures++) {
    const answer = await send(submission, key, onStage, signal);
    signal.throwIfAborted();
    if (answer?.status === 401) await tokenGiven();
    else if (answer?.status === 201) return JSON.parse(answer.text) as JobView;
    else if (answer !== undefined && !isPassing(answer.status)) throw problemOf(answer.status, answer.text);
    else await pause(submission, answer, failures, onStage, signal);
  }
}

async function pause(
  { images }: Submission,
  answer: Answer | undefined,
  failures: number,
  onStage: (stage: UploadStage) => void,
  signal: AbortSignal,
): Promise<void> {
  if (answer === undefined) await throwIfUnreadable(images);
  const why =
    answer === undefined ? 'The connection was lost.' : problemOf(answer.status, answer.text).message;
  const ms = pauseMs(failures, answer?.retryAfter);
  onStage({ name: 'pausing', why, untilMs: Date.now() + ms });
  await sleepUntilOnline(ms, signal);
  // A refusal that a broken upload hides: the answer to a small question gets through.
  await ask('/server', { signal }).catch(() => {});
}

/** A file that changed since it was chosen breaks every upload, and a browser calls that a lost connection. */
async function throwIfUnreadable(images: readonly Chosen[]): Promise<void> {
  for (const { name, file } of images) {
    const isReadable = await file
      .slice(0, 1)
      .arrayBuffer()
      .then(
        () => true,
        () => false,
      );
    if (!isReadable)
      throw new ServiceError(
        0,
        `${name} has changed or is gone since you chose it.`,
        'Remove it, or choose it again.',
      );
  }
}

/** `undefined`: the connection was lost. XMLHttpRequest, because fetch tells no progress of an upload. */
async function send(
  { images, topK, model }: Submission,
  key: string,
  onStage: (stage: UploadStage) => void,
  signal: AbortSignal,
): Promise<Answer | undefined> {
  const form = new FormData();
  if (topK !== undefined) form.append('topK', String(topK));
  if (model !== undefined) form.append('model', model);
  for (const { file, name } of images) form.append('files', file, name);
  const request = new XMLHttpRequest();
  request.open('POST', '/v1/jobs');
  request.setRequestHeader('Idempotency-Key', key);
  request.upload.addEventListener('progress', ({ loaded, total }) =>
    onStage({ name: 'sending', sentBytes: loaded, totalBytes: total }),
  );
  request.upload.addEventListener('load', () => onStage({ name: 'storing' }));
  const stop = () => request.abort();
  signal.addEventListener('abort', stop, { once: true });
  return await new Promise<Answer | undefined>((resolve) => {
    request.addEventListener('loadend', () => {
      signal.removeEventListener('abort', stop);
      const { status, responseText: text } = request;
      const isLost = status === 0;
      resolve(isLost ? undefined : { status, text, retryAfter: request.getResponseHeader('retry-after') });
    });
    request.send(form);
  });
}

/** Not `randomUUID`, which browsers offer to pages of https and of this machine only. */
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}
