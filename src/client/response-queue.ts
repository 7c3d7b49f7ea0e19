import type { Queue, QueueService, ReceivedMessage } from '../core/cloud/ports.ts';
import type { Outcome } from '../core/model/outcome.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { ImgclsError, QueueMissingError } from '../core/runtime/errors.ts';
import { readResponse } from '../results/responses.ts';

export interface SharedResponseQueueOptions {
  queues: QueueService;
  clock: Clock;
  name: string;
}

interface PendingResponse {
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

/** The longest poll of SQS, for fewer requests. */
const WAIT_MS = 20_000;
/** Only this client reads the queue, so the lease only has to outlast the acknowledgement. */
const LEASE_MS = 60_000;
/** A queue that is idle for this long is deleted. */
const IDLE_MS = 30_000;

/**
 * One response queue for the requests of many callers. Each caller gets its own response.
 *
 *     created --a request--> receiving --the last response--> idle --30 s, or retired--> closed
 *                                ^------------ a request ------'
 *     any --an error, close()--> closed: pending callers are rejected
 *
 * A closed one has deleted its queue and takes no more requests.
 */
export class SharedResponseQueue {
  readonly name: string;
  /** Resolves when the queue exists. */
  readonly created: Promise<Queue>;
  /** Resolves when it is closed and its queue deleted. */
  readonly closed: Promise<void>;
  readonly createdAtMs: number;
  readonly #options: SharedResponseQueueOptions;
  readonly #pending = new Map<string, PendingResponse>();
  readonly #end = new AbortController();
  #isOpen = true;
  #isGone = false;
  #wake = () => {};

  constructor(options: SharedResponseQueueOptions) {
    const { queues, clock, name } = options;
    this.#options = options;
    this.name = name;
    this.createdAtMs = clock.monotonicMs();
    this.created = queues.create(name);
    this.closed = this.#live();
  }

  /** Whether it takes requests. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Another process deleted the queue, so its responses are lost. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** The outcome of this job's request. Call it before sending the request, and only while the queue is open. */
  expect(job: string): Promise<Outcome> {
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    this.#pending.set(job, { resolve, reject });
    this.#wake();
    // A rejection is handled when the caller awaits it, after it has sent the request.
    promise.catch(() => {});
    return promise;
  }

  /** Stops waiting for a response. */
  forget(job: string): void {
    this.#pending.delete(job);
  }

  /** Takes no more requests, and closes after the last pending response. */
  retire(): void {
    this.#isOpen = false;
    this.#wake();
  }

  /** Closes now. */
  async close(): Promise<void> {
    this.#end.abort();
    this.retire();
    await this.closed;
  }

  async #live(): Promise<void> {
    const { queues } = this.#options;
    let reason: unknown = new ImgclsError('permanent', 'The client was closed before the response arrived.');
    try {
      await this.#listen(await this.created);
    } catch (error) {
      reason = error;
      this.#isGone = error instanceof QueueMissingError;
    }
    this.#isOpen = false;
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
    // If this fails, the controller sweeps the queue later.
    if (!this.#isGone) await queues.remove(this.name).catch(() => {});
  }

  async #listen(queue: Queue): Promise<void> {
    const { signal } = this.#end;
    let processed: ReceivedMessage[] = [];
    while (!signal.aborted && (await this.#isNeeded())) {
      const [received] = await Promise.all([
        queue.receive({ max: 10, waitMs: WAIT_MS, leaseMs: LEASE_MS, signal }),
        // Acknowledge during the next receive: a redelivered response has no pending caller and is ignored.
        queue.delete(processed.map(({ receipt }) => receipt)).catch(() => []),
      ]);
      for (const { body } of received) this.#resolve(body);
      processed = received;
    }
  }

  /** True while responses are pending. False after being idle for long enough. */
  async #isNeeded(): Promise<boolean> {
    if (this.#pending.size === 0 && this.#isOpen) {
      const waking = new AbortController();
      this.#wake = () => waking.abort();
      await this.#options.clock.sleep(IDLE_MS, waking.signal);
      this.#wake = () => {};
    }
    // Take no more requests from here on: nothing would receive their responses.
    if (this.#pending.size === 0) this.#isOpen = false;
    return this.#pending.size > 0;
  }

  #resolve(body: string): void {
    const response = readResponse(body);
    const [outcome] = response?.outcomes ?? [];
    if (response === undefined || outcome === undefined) return;
    this.#pending.get(response.job)?.resolve(outcome);
    this.#pending.delete(response.job);
  }
}
