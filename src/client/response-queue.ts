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

interface Awaited {
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

/** As long as a wait can be: fewer requests. */
const WAIT_MS = 20_000;
/** Nobody else reads the queue; the lease only has to outlast the acknowledgement. */
const LEASE_MS = 60_000;
/** A queue that is not needed for so long is removed. */
const IDLE_MS = 30_000;

/**
 * One response queue for the requests of many callers, each told its own answer.
 *
 *     made --a request--> listening --the last answer--> idle --30 s, retired--> closed
 *                             ^------------ a request ----'
 *     any --fault, close()--> closed: whoever still waits is told why
 *
 * A closed one has removed its queue and takes no more requests.
 */
export class SharedResponseQueue {
  readonly name: string;
  /** Resolves when there is a queue to answer to. */
  readonly created: Promise<Queue>;
  /** Resolves when nothing is left of it. */
  readonly closed: Promise<void>;
  readonly createdAtMs: number;
  readonly #options: SharedResponseQueueOptions;
  readonly #awaited = new Map<string, Awaited>();
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

  /** Somebody else removed the queue: answers that went there are lost. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** The answer to the request of this job; to be called before the request is sent, and only while it is open. */
  expect(job: string): Promise<Outcome> {
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    this.#awaited.set(job, { resolve, reject });
    this.#wake();
    // Its caller may still be sending the request, and meets the fault afterwards.
    promise.catch(() => {});
    return promise;
  }

  /** Nobody waits for this answer any more. */
  forget(job: string): void {
    this.#awaited.delete(job);
  }

  /** Takes no more requests, and closes when those that it has are answered. */
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
    let why: unknown = new ImgclsError('permanent', 'The client was closed before the answer came.');
    try {
      await this.#listen(await this.created);
    } catch (error) {
      why = error;
      this.#isGone = error instanceof QueueMissingError;
    }
    this.#isOpen = false;
    for (const { reject } of this.#awaited.values()) reject(why);
    this.#awaited.clear();
    // One that cannot be removed now is swept later.
    if (!this.#isGone) await queues.remove(this.name).catch(() => {});
  }

  async #listen(queue: Queue): Promise<void> {
    const { signal } = this.#end;
    let heard: ReceivedMessage[] = [];
    while (!signal.aborted && (await this.#isNeeded())) {
      const [received] = await Promise.all([
        queue.receive({ max: 10, waitMs: WAIT_MS, leaseMs: LEASE_MS, signal }),
        // Beside the next wait: what comes again because it was not acknowledged has nobody waiting for it.
        queue.delete(heard.map(({ receipt }) => receipt)).catch(() => []),
      ]);
      for (const { body } of received) this.#tell(body);
      heard = received;
    }
  }

  /** True at once while answers are awaited; false when none was for long enough. */
  async #isNeeded(): Promise<boolean> {
    if (this.#awaited.size === 0 && this.#isOpen) {
      const waking = new AbortController();
      this.#wake = () => waking.abort();
      await this.#options.clock.sleep(IDLE_MS, waking.signal);
      this.#wake = () => {};
    }
    // From here on to its end nobody is let in whom nobody would hear.
    if (this.#awaited.size === 0) this.#isOpen = false;
    return this.#awaited.size > 0;
  }

  #tell(body: string): void {
    const response = readResponse(body);
    const [outcome] = response?.outcomes ?? [];
    if (response === undefined || outcome === undefined) return;
    this.#awaited.get(response.job)?.resolve(outcome);
    this.#awaited.delete(response.job);
  }
}
