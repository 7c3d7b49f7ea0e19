import type { Store } from '../core/cloud/ports.ts';
import type { IndexRange } from '../core/job/index-ranges.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { JobMissingError, messageOf, ObjectMissingError } from '../core/runtime/errors.ts';
import type { Log } from '../core/runtime/log.ts';
import { JobFollower, type Look } from '../results/job-follower.ts';
import type { JobEvent, JobView } from './api.ts';

export interface JobHubOptions {
  cluster: string;
  output: Store;
  clock: Clock;
  log: Log;
  /** Between two looks at a job that goes on, and at one that does not move. A look costs two requests or more. */
  paceMs: { least: number; most: number };
}

export interface Subscriber {
  snapshot(event: JobEvent): void;
  progress(event: JobEvent): void;
  /** The job was deleted. */
  gone(): void;
}

/** A job that is over may be tried again or deleted by somebody else: a look now and then. */
const FINAL_PACE_MS = 15_000;
/** A look that is younger answers again. */
const FRESH_MS = 200;
/** Jobs that nobody follows any more and that are remembered, so that the next question costs little. */
const REMEMBERED = 500;

/** One job that somebody asks about. */
interface Watched {
  follower: JobFollower;
  subscribers: Set<Subscriber>;
  /** Followed to its end though nobody asks: it was submitted here. */
  isKept: boolean;
  last?: { job: JobView; atMs: number };
  looking?: Promise<Look>;
  loop?: AbortController;
}

const isOver = ({ state }: JobView): boolean => state === 'finished' || state === 'cancelled';

/**
 * One poller a job, however many follow it, from the ledger alone. A job without subscribers is looked at when it is
 * asked for; one that was submitted here is followed to its end.
 */
export class JobHub {
  readonly #options: JobHubOptions;
  readonly #jobs = new Map<string, Watched>();
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
    const watched = this.#watched(id);
    const { last } = watched;
    if (last !== undefined && this.#options.clock.monotonicMs() - last.atMs < FRESH_MS) return last.job;
    return (await this.#look(id, watched)).job;
  }

  /** Follows the job to its end. */
  keep(id: string): void {
    const watched = this.#watched(id);
    watched.isKept = true;
    this.#follow(id, watched);
  }

  /** Somebody has just changed the job: the next look is now. */
  async changed(id: string): Promise<JobView> {
    const watched = this.#watched(id);
    await watched.looking?.catch(() => {});
    const { job } = await this.#look(id, watched);
    watched.loop?.abort();
    delete watched.loop;
    if (watched.subscribers.size > 0 || watched.isKept) this.#follow(id, watched);
    return job;
  }

  /** Begins with a snapshot. @returns how to leave. @throws {JobMissingError} */
  async subscribe(id: string, subscriber: Subscriber): Promise<() => void> {
    const watched = this.#watched(id);
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

  /** The job deleted here: its followers are told at once. */
  forget(id: string): void {
    const watched = this.#jobs.get(id);
    this.#jobs.delete(id);
    watched?.loop?.abort();
    for (const subscriber of watched?.subscribers ?? []) subscriber.gone();
  }

  #watched(id: string): Watched {
    const known = this.#jobs.get(id);
    const { output, clock } = this.#options;
    const watched = known ?? {
      follower: new JobFollower({ output, clock, id }),
      subscribers: new Set(),
      isKept: false,
    };
    // The one asked for last is remembered longest.
    this.#jobs.delete(id);
    this.#jobs.set(id, watched);
    if (known === undefined && this.#jobs.size > REMEMBERED) this.#forgetOldest();
    return watched;
  }

  #forgetOldest(): void {
    for (const [id, { subscribers, loop, looking }] of this.#jobs) {
      if (subscribers.size > 0 || loop !== undefined || looking !== undefined) continue;
      this.#jobs.delete(id);
      return;
    }
  }

  /** Everybody who asks meanwhile gets the same look; subscribers hear of what it found. */
  #look(id: string, watched: Watched): Promise<Look> {
    watched.looking ??= this.#lookOnce(id, watched).finally(() => {
      delete watched.looking;
    });
    return watched.looking;
  }

  async #lookOnce(id: string, watched: Watched): Promise<Look> {
    const before = watched.last?.job;
    try {
      const look = await watched.follower.look();
      watched.last = { job: look.job, atMs: this.#options.clock.monotonicMs() };
      tell(watched, look, before);
      return look;
    } catch (error) {
      if (!(error instanceof ObjectMissingError)) throw error;
      if (this.#jobs.get(id) === watched) this.forget(id);
      throw new JobMissingError(id, this.#options.cluster, error);
    }
  }

  #follow(id: string, watched: Watched): void {
    if (watched.loop !== undefined || this.#closed) return;
    watched.loop = new AbortController();
    void this.#run(id, watched, watched.loop.signal);
  }

  async #run(id: string, watched: Watched, signal: AbortSignal): Promise<void> {
    const { clock, log, paceMs } = this.#options;
    let pauseMs = paceMs.least;
    while (!signal.aborted) {
      const isOverNow = watched.last !== undefined && isOver(watched.last.job);
      if (isOverNow) watched.isKept = false;
      if (watched.subscribers.size === 0 && !watched.isKept) break;
      await clock.sleep(isOverNow ? FINAL_PACE_MS : pauseMs, signal);
      if (signal.aborted) return;
      try {
        const { fresh } = await this.#look(id, watched);
        pauseMs = fresh.length > 0 ? paceMs.least : Math.min(paceMs.most, 1.5 * pauseMs);
      } catch (error) {
        if (error instanceof JobMissingError) return;
        const trace = watched.last?.job.trace;
        log.warn({ job: id, trace, error: messageOf(error) }, 'A job cannot be followed at the moment.');
        pauseMs = paceMs.most;
      }
    }
    delete watched.loop;
  }
}

function tell(
  { subscribers, follower }: Watched,
  { job, fresh, isReopened }: Look,
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

/** A rate that falls while nothing comes is no news. */
const hasChanged = (now: JobView, before: JobView): boolean =>
  now.state !== before.state ||
  now.total !== before.total ||
  now.errors !== before.errors ||
  now.usd !== before.usd;
