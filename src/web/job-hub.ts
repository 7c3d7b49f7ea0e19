import type { Store } from '../core/cloud/ports.ts';
import type { IndexRange } from '../core/job/index-ranges.ts';
import { isFinal } from '../core/job/job-record.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { JobMissingError, messageOf, ObjectMissingError } from '../core/runtime/errors.ts';
import type { Log } from '../core/runtime/log.ts';
import { JobFollower, type JobUpdate } from '../results/job-follower.ts';
import type { JobEvent, JobView } from './api.ts';
import type { SubmittedImages } from './submitted-images.ts';

export interface JobHubOptions {
  cluster: string;
  output: Store;
  images: Pick<SubmittedImages, 'firstOf'>;
  clock: Clock;
  log: Log;
  /** Between two polls of a job that makes progress (`min`) or does not (`max`). A poll costs two requests or more. */
  pollIntervalMs: { min: number; max: number };
}

export interface Subscriber {
  snapshot(event: JobEvent): void;
  progress(event: JobEvent): void;
  /** The job was deleted. */
  gone(): void;
}

/** Another process may retry or delete a job that is over. */
const FINAL_POLL_INTERVAL_MS = 15_000;
/** A poll result younger than this is reused. */
const CACHE_MS = 200;
/** Jobs kept in memory, including jobs without subscribers, so that the next poll is cheap. */
const MAX_JOBS = 500;

type WatchedUpdate = JobUpdate & { job: JobView };

interface WatchedJob {
  follower: JobFollower;
  subscribers: Set<Subscriber>;
  /** Polled to its end even without subscribers: it was submitted here. */
  isFollowedToEnd: boolean;
  last?: { job: JobView; atMs: number };
  polling?: Promise<WatchedUpdate>;
  loop?: AbortController;
}

/**
 * Polls the ledger once per job, for all its subscribers. A job without subscribers is polled on request; a job that was
 * submitted here is polled to its end.
 */
export class JobHub {
  readonly #options: JobHubOptions;
  readonly #jobs = new Map<string, WatchedJob>();
  #closed = false;

  constructor(options: JobHubOptions) {
    this.#options = options;
  }

  get subscribers(): number {
    let count = 0;
    for (const { subscribers } of this.#jobs.values()) count += subscribers.size;
    return count;
  }

  /** The job as it is now. @throws {JobMissingError} */
  async view(id: string): Promise<JobView> {
    const watched = this.#watch(id);
    const { last } = watched;
    if (last !== undefined && this.#options.clock.monotonicMs() - last.atMs < CACHE_MS) return last.job;
    return (await this.#poll(id, watched)).job;
  }

  followToEnd(id: string): void {
    const watched = this.#watch(id);
    watched.isFollowedToEnd = true;
    this.#follow(id, watched);
  }

  /** Polls now, after the job was changed. */
  async refresh(id: string): Promise<JobView> {
    const watched = this.#watch(id);
    await watched.polling?.catch(() => {});
    const { job } = await this.#poll(id, watched);
    watched.loop?.abort();
    delete watched.loop;
    if (watched.subscribers.size > 0 || watched.isFollowedToEnd) this.#follow(id, watched);
    return job;
  }

  /** Sends a snapshot first. @returns a function that unsubscribes. @throws {JobMissingError} */
  async subscribe(id: string, subscriber: Subscriber): Promise<() => void> {
    const watched = this.#watch(id);
    const job = await this.view(id);
    subscriber.snapshot({ job, covered: [...watched.follower.covered] });
    watched.subscribers.add(subscriber);
    this.#follow(id, watched);
    return () => {
      watched.subscribers.delete(subscriber);
    };
  }

  close(): void {
    this.#closed = true;
    for (const { loop } of this.#jobs.values()) loop?.abort();
    this.#jobs.clear();
  }

  /** Notifies the subscribers that the job was deleted. */
  remove(id: string): void {
    const watched = this.#jobs.get(id);
    this.#jobs.delete(id);
    watched?.loop?.abort();
    for (const subscriber of watched?.subscribers ?? []) subscriber.gone();
  }

  #watch(id: string): WatchedJob {
    const known = this.#jobs.get(id);
    const { output, clock } = this.#options;
    const watched = known ?? {
      follower: new JobFollower({ output, clock, id }),
      subscribers: new Set(),
      isFollowedToEnd: false,
    };
    // Map order is LRU order: move the job to the end.
    this.#jobs.delete(id);
    this.#jobs.set(id, watched);
    if (known === undefined && this.#jobs.size > MAX_JOBS) this.#evictOldest();
    return watched;
  }

  #evictOldest(): void {
    for (const [id, { subscribers, loop, polling }] of this.#jobs) {
      if (subscribers.size > 0 || loop !== undefined || polling !== undefined) continue;
      this.#jobs.delete(id);
      return;
    }
  }

  /** Concurrent callers share one poll. */
  #poll(id: string, watched: WatchedJob): Promise<WatchedUpdate> {
    watched.polling ??= this.#pollOnce(id, watched).finally(() => {
      delete watched.polling;
    });
    return watched.polling;
  }

  async #pollOnce(id: string, watched: WatchedJob): Promise<WatchedUpdate> {
    const before = watched.last?.job;
    try {
      const update = await watched.follower.poll();
      const look = { ...update, job: { ...update.job, firstImages: await this.#options.images.firstOf(id) } };
      watched.last = { job: look.job, atMs: this.#options.clock.monotonicMs() };
      notify(watched, look, before);
      return look;
    } catch (error) {
      if (!(error instanceof ObjectMissingError)) throw error;
      if (this.#jobs.get(id) === watched) this.remove(id);
      throw new JobMissingError(id, this.#options.cluster, error);
    }
  }

  #follow(id: string, watched: WatchedJob): void {
    if (watched.loop !== undefined || this.#closed) return;
    watched.loop = new AbortController();
    void this.#run(id, watched, watched.loop.signal);
  }

  async #run(id: string, watched: WatchedJob, signal: AbortSignal): Promise<void> {
    const { clock, log, pollIntervalMs } = this.#options;
    let pauseMs = pollIntervalMs.min;
    while (!signal.aborted) {
      const isJobOver = watched.last !== undefined && isFinal(watched.last.job);
      if (isJobOver) watched.isFollowedToEnd = false;
      if (watched.subscribers.size === 0 && !watched.isFollowedToEnd) break;
      await clock.sleep(isJobOver ? FINAL_POLL_INTERVAL_MS : pauseMs, signal);
      if (signal.aborted) return;
      try {
        const { fresh } = await this.#poll(id, watched);
        pauseMs = fresh.length > 0 ? pollIntervalMs.min : Math.min(pollIntervalMs.max, 1.5 * pauseMs);
      } catch (error) {
        if (error instanceof JobMissingError) return;
        const trace = watched.last?.job.trace;
        log.warn({ job: id, trace, error: messageOf(error) }, 'Failed to poll a job.');
        pauseMs = pollIntervalMs.max;
      }
    }
    delete watched.loop;
  }
}

function notify(
  { subscribers, follower }: WatchedJob,
  { job, fresh, isReopened }: WatchedUpdate,
  before: JobView | undefined,
): void {
  if (subscribers.size === 0) return;
  const covered: readonly IndexRange[] = fresh;
  if (isReopened) {
    const whole = { job, covered: [...follower.covered] };
    for (const subscriber of subscribers) subscriber.snapshot(whole);
  } else if (covered.length > 0 || before === undefined || hasChanged(job, before)) {
    const event = { job, covered: [...covered] };
    for (const subscriber of subscribers) subscriber.progress(event);
  }
}

/** A changed rate alone is no reason for an event. */
const hasChanged = (now: JobView, before: JobView): boolean =>
  now.state !== before.state ||
  now.total !== before.total ||
  now.errors !== before.errors ||
  now.usd !== before.usd;
