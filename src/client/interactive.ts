import { hash } from 'node:crypto';
import { FIRST_ATTEMPT } from '../core/job/job.ts';
import { classifyKey, classifyWordsKey, responseQueueName } from '../core/job/keys.ts';
import { type RequestHeader, sendInteractive } from '../core/job/requests.ts';
import { aboutJob } from '../core/job/trace.ts';
import type { ModelRef } from '../core/model/model.ts';
import type { Outcome } from '../core/model/outcome.ts';
import { unlessAborted } from '../core/runtime/abort.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { SharedResponseQueue } from './response-queue.ts';
import type { JobTools } from './submission.ts';

/** One image. `name` is its name for users. */
export interface InteractiveImage {
  name: string;
  bytes: Uint8Array;
}

export interface ClassifyOptions {
  model: ModelRef;
  /** The labels that the model's `words` pins. */
  words?: Uint8Array;
  topK: number;
  /** Trace id of the caller; default: a new trace. */
  trace?: string;
  /** How long to wait for the outcome. */
  timeoutMs: number;
  /** For whom: the images of one caller do not delay those of others. Default: for a caller of its own. */
  caller?: string;
  signal?: AbortSignal;
}

export interface InteractiveTools extends Pick<JobTools, 'cloud' | 'clock' | 'newId' | 'wakeController'> {
  maxImageBytes: number;
}

/** Response queues are swept when they are a day old. This one is replaced well before. */
const QUEUE_MAX_AGE_MS = 6 * 3_600_000;

/** Classifies single images whose callers wait: ahead of all jobs, and without a job record or ledger. */
export class Interactive {
  readonly #tools: InteractiveTools;
  /** The newest one; older ones are closing. */
  #responses: SharedResponseQueue | undefined;
  readonly #open = new Set<SharedResponseQueue>();
  readonly #deleting = new Set<Promise<void>>();
  #isClosed = false;

  constructor(tools: InteractiveTools) {
    this.#tools = tools;
  }

  /**
   * @throws {ImgclsError} of kind `transient` when no worker responds in time, or the response cannot be received.
   */
  async classify(image: InteractiveImage, options: ClassifyOptions): Promise<Outcome> {
    const { clock } = this.#tools;
    const { timeoutMs, signal } = options;
    const late = new AbortController();
    const done = new AbortController();
    const end = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]);
    let isSent = false;
    const untilMs = clock.monotonicMs() + timeoutMs;
    void clock.sleep(timeoutMs, done.signal).then(() => late.abort(timedOut(timeoutMs, isSent)));
    const ask = () =>
      this.#ask(image, { ...options, untilMs, signal: end }, () => {
        isSent = true;
      });
    try {
      // If the response queue was deleted meanwhile, its response is lost: send the request once more.
      return (await ask()) ?? (await ask()) ?? queueDeletedTwice();
    } finally {
      done.abort();
    }
  }

  /** Deletes the response queues. Calls that still wait are rejected. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(Array.from(this.#open, (responses) => responses.close()));
    await Promise.all(this.#deleting);
  }

  /** @returns undefined if the response queue was deleted meanwhile. */
  async #ask(
    { name, bytes }: InteractiveImage,
    {
      model,
      words,
      topK,
      trace,
      caller,
      untilMs,
      signal,
    }: Omit<ClassifyOptions, 'timeoutMs'> & { untilMs: number; signal: AbortSignal },
    onSent: () => void,
  ): Promise<Outcome | undefined> {
    const { cloud, clock, newId, wakeController } = this.#tools;
    wakeController?.();
    const responses = this.#openResponses();
    const job = newId();
    const outcome = responses.expect(job);
    const { bucket } = cloud.input;
    const key = classifyKey(job);
    const sha256 = hash('sha256', bytes);
    const entry = { index: 0, name, source: name, bytes: bytes.byteLength, bucket, key, sha256 };
    const stored = new Map([[key, bytes]]);
    if (words !== undefined) stored.set(classifyWordsKey(job), words);
    const storing = Promise.all(
      Array.from(stored, ([at, content]) => cloud.input.put(at, content, { signal })),
    );
    try {
      await Promise.all([storing, unlessAborted(responses.created, signal)]);
      const header: RequestHeader = {
        ...aboutJob({ job, trace }),
        attempt: FIRST_ATTEMPT,
        model,
        topK,
        replyTo: responses.name,
        timeoutMs: Math.max(1, Math.ceil(untilMs - clock.monotonicMs())),
      };
      await sendInteractive(cloud, header, entry, { caller, signal });
      onSent();
      return await unlessAborted(outcome, signal).catch((error: unknown) => {
        if (!responses.isGone || signal.aborted) throw error;
        return undefined;
      });
    } finally {
      responses.forget(job);
      this.#deleteBytes([...stored.keys()], storing);
    }
  }

  /** In the background: the caller need not wait for it. If it fails, the bytes expire by age. */
  #deleteBytes(keys: readonly string[], storing: Promise<unknown>): void {
    const deleting = storing
      .catch(() => {})
      .then(() => this.#tools.cloud.input.delete(keys))
      .catch(() => {})
      .finally(() => this.#deleting.delete(deleting));
    this.#deleting.add(deleting);
  }

  /** The present response queue, or a new one if there is none or it is old. */
  #openResponses(): SharedResponseQueue {
    const { cloud, clock, newId } = this.#tools;
    if (this.#isClosed) throw new ImgclsError('permanent', 'The client is closed.');
    const known = this.#responses;
    const isFresh = known !== undefined && clock.monotonicMs() - known.createdAtMs < QUEUE_MAX_AGE_MS;
    if (known?.isOpen && isFresh) return known;
    known?.retire();
    const name = responseQueueName(cloud.cluster, newId().toLowerCase());
    const responses = new SharedResponseQueue({ queues: cloud.queues, clock, name });
    this.#responses = responses;
    this.#open.add(responses);
    void responses.closed.then(() => this.#open.delete(responses));
    return responses;
  }
}

function timedOut(timeoutMs: number, isSent: boolean): ImgclsError {
  const seconds = `${timeoutMs / 1000} s`;
  return isSent
    ? new ImgclsError('transient', `No worker responded within ${seconds}.`, {
        hint: 'Run "imgcls status" to see whether workers run. If one is starting, try again.',
      })
    : new ImgclsError('transient', `Could not store and enqueue the image within ${seconds}.`, {
        hint: 'The cluster is slow or hard to reach. Try again.',
      });
}

function queueDeletedTwice(): never {
  throw new ImgclsError('transient', 'The response queue was deleted twice before the response arrived.', {
    hint: 'Another process deletes queues of this cluster. Stop it, then try again.',
  });
}
