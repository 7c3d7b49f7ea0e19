import { FIRST_ATTEMPT } from '../core/job/job.ts';
import { responseQueueName } from '../core/job/keys.ts';
import { type RequestHeader, sendInteractive } from '../core/job/requests.ts';
import { aboutJob } from '../core/job/trace.ts';
import type { ModelRef } from '../core/model/model.ts';
import type { Outcome } from '../core/model/outcome.ts';
import { unlessAborted } from '../core/runtime/abort.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { FORMAT } from '../core/runtime/versioned.ts';
import { storeImage } from '../upload/store-image.ts';
import { SharedResponseQueue } from './response-queue.ts';
import type { JobTools } from './submission.ts';

/** One image, whole. `name` is what its user knows it by. */
export interface InteractiveImage {
  name: string;
  bytes: Uint8Array;
}

export interface ClassifyOptions {
  model: ModelRef;
  topK: number;
  /** The id of the caller's own trace; else the request begins one. */
  trace?: string;
  /** How long to wait for the outcome. */
  timeoutMs: number;
  signal?: AbortSignal;
}

export interface InteractiveTools extends Pick<JobTools, 'cloud' | 'clock' | 'newId'> {
  maxImageBytes: number;
}

/** A response queue is swept away when it is a day old; well before, another takes its place. */
const QUEUE_MAX_AGE_MS = 6 * 3_600_000;

/** Classifies single images whose callers wait: past all jobs, and without a trace but the stored bytes. */
export class Interactive {
  readonly #tools: InteractiveTools;
  /** The last one made; older ones are about to close. */
  #replies: SharedResponseQueue | undefined;
  readonly #living = new Set<SharedResponseQueue>();
  #isClosed = false;

  constructor(tools: InteractiveTools) {
    this.#tools = tools;
  }

  /**
   * @throws {ImgclsError} of kind `transient` when no worker answered in time, or the answer cannot be heard.
   */
  async classify(image: InteractiveImage, options: ClassifyOptions): Promise<Outcome> {
    const { clock } = this.#tools;
    const { timeoutMs, signal } = options;
    const late = new AbortController();
    const done = new AbortController();
    const end = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]);
    let isSent = false;
    void clock.sleep(timeoutMs, done.signal).then(() => late.abort(tooLate(timeoutMs, isSent)));
    const ask = () =>
      this.#ask(image, { ...options, signal: end }, () => {
        isSent = true;
      });
    try {
      // An answer that went to a queue which somebody swept away is asked for once more.
      return (await ask()) ?? (await ask()) ?? unheard();
    } finally {
      done.abort();
    }
  }

  /** Removes what is in the cloud; whoever still waits is told so. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(Array.from(this.#living, (replies) => replies.close()));
  }

  /** Undefined where the queue is gone to which the answer was to come. */
  async #ask(
    { name, bytes }: InteractiveImage,
    { model, topK, trace, signal }: ClassifyOptions & { signal: AbortSignal },
    onSent: () => void,
  ): Promise<Outcome | undefined> {
    const { cloud, newId } = this.#tools;
    const replies = this.#openReplies();
    const job = newId();
    const answer = replies.expect(job);
    try {
      const input = { kind: 'bytes' as const, name, source: name, bytes };
      const storing = storeImage({ index: 0, input }, { ...this.#tools, input: cloud.input, signal });
      const [{ entry }] = await Promise.all([storing, unlessAborted(replies.created, signal)]);
      const header: RequestHeader = {
        v: FORMAT,
        ...aboutJob({ job, trace }),
        attempt: FIRST_ATTEMPT,
        model,
        topK,
        replyTo: replies.name,
      };
      await sendInteractive(cloud, header, entry, signal);
      onSent();
      return await unlessAborted(answer, signal).catch((error: unknown) => {
        if (!replies.isGone || signal.aborted) throw error;
        return undefined;
      });
    } finally {
      replies.forget(job);
    }
  }

  /** The one that is there, or a new one where there is none or it is old. */
  #openReplies(): SharedResponseQueue {
    const { cloud, clock, newId } = this.#tools;
    if (this.#isClosed) throw new ImgclsError('permanent', 'The client is closed.');
    const known = this.#replies;
    const isFresh = known !== undefined && clock.monotonicMs() - known.createdAtMs < QUEUE_MAX_AGE_MS;
    if (known?.isOpen && isFresh) return known;
    known?.retire();
    const name = responseQueueName(cloud.cluster, newId().toLowerCase());
    const replies = new SharedResponseQueue({ queues: cloud.queues, clock, name });
    this.#replies = replies;
    this.#living.add(replies);
    void replies.closed.then(() => this.#living.delete(replies));
    return replies;
  }
}

function tooLate(timeoutMs: number, isSent: boolean): ImgclsError {
  const seconds = `${timeoutMs / 1000} s`;
  return isSent
    ? new ImgclsError('transient', `No worker answered within ${seconds}.`, {
        hint: '"imgcls status" shows whether workers run; while one starts, ask again.',
      })
    : new ImgclsError('transient', `The image could not be stored and announced within ${seconds}.`, {
        hint: 'The cluster is slow or hard to reach at the moment; ask again.',
      });
}

function unheard(): never {
  throw new ImgclsError('transient', 'The response queue was removed twice before the answer came.', {
    hint: 'Something else removes queues of this cluster; ask again.',
  });
}
