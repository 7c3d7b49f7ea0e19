import type { ReceivedMessage } from '../../core/cloud/ports.ts';
import type { QueueMessage } from '../../core/drop/notification.ts';
import { SMALL_BATCH } from '../../core/job/batches.ts';
import type { RequestMessage } from '../../core/job/messages.ts';
import { aboutJob } from '../../core/job/trace.ts';
import type { JobTurns } from '../intake/job-turns.ts';

export interface HeldMessageOptions {
  /** By the worker's monotonic clock. */
  receivedAtMs: number;
  turns: JobTurns;
  /** Called when an image needs no more work. */
  onImageDone?(): void;
}

/** A received message. Until its work begins it can be released. */
export class HeldMessage {
  readonly message: ReceivedMessage;
  readonly receivedAtMs: number;
  readonly #options: HeldMessageOptions;
  #parsed: QueueMessage | undefined;
  #firstTurn = 0;
  #imagesDone = 0;
  #begun = false;
  #leaseLost = false;
  readonly #stop = new AbortController();

  constructor(message: ReceivedMessage, options: HeldMessageOptions) {
    this.message = message;
    this.receivedAtMs = options.receivedAtMs;
    this.#options = options;
  }

  /** Its request; undefined before it is parsed, and for a notification. */
  get request(): RequestMessage | undefined {
    return this.#parsed !== undefined && 'request' in this.#parsed ? this.#parsed.request : undefined;
  }

  /** Its number of images; 1 before it is parsed. */
  get images(): number {
    if (this.#parsed === undefined) return 1;
    return 'request' in this.#parsed
      ? this.#parsed.request.images.length
      : this.#parsed.notification.events.length;
  }

  /** The fields of every log line about it. The message group of an unreadable request is its job. */
  get logFields(): object {
    const { id: message, groupId: job } = this.message;
    return { message, ...(this.request === undefined ? { job } : aboutJob(this.request)) };
  }

  parsed(message: QueueMessage): void {
    this.#parsed = message;
    const { id, groupId = id } = this.message;
    this.#firstTurn = this.#options.turns.take(groupId, Math.ceil(this.images / SMALL_BATCH));
  }

  /** How many of its images need work. */
  get imagesLeft(): number {
    return this.images - this.#imagesDone;
  }

  /** The turn of the image at this place. */
  turnOf(place: number): number {
    return this.#firstTurn + Math.floor(place / SMALL_BATCH);
  }

  /** The image at this place went to a runner. */
  beginImage(place: number): void {
    this.begin();
    this.#options.turns.serve(this.turnOf(place));
  }

  imageDone(): void {
    this.#imagesDone++;
    this.#options.onImageDone?.();
  }

  /** Aborts when its work must stop. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  get leaseLost(): boolean {
    return this.#leaseLost;
  }

  /** From now on it is finished, not released. */
  begin(): void {
    this.#begun = true;
  }

  releaseUnlessBegun(): void {
    if (!this.#begun) this.#stop.abort(new Error('The message is released.'));
  }

  /** Stops its work at once, begun or not. */
  abandon(): void {
    this.#stop.abort(new Error('The worker was forced to end.'));
  }

  /** Another worker will receive it. Begun work goes on: the first worker to write the shard wins. */
  loseLease(): void {
    this.#leaseLost = true;
    this.releaseUnlessBegun();
  }
}
