import { computed, signal } from '@preact/signals';
import { type IndexRange, IndexRanges } from '../../../../core/job/index-ranges.ts';
import { isDropJob } from '../../../../core/job/job-ids.ts';
import type { JobEvent, JobView } from '../../../api.ts';
import type { ResultsPage } from '../../../outcome-views.ts';
import { callService, ServiceError } from '../../service/call-service.ts';
import { canRetryHelp } from '../error-text.ts';
import { isOver } from '../job-text.ts';
import { MAX_FETCHED_WHOLE, nextRequests, PAGE_IMAGES } from './fetch-plan.ts';
import { listenToEvents } from './listen-to-events.ts';
import { Outcomes } from './outcomes.ts';

const MAX_PARALLEL = 3;
/** Images that are asked for before it is known which ones have an outcome: a screen or two. */
const FIRST_IMAGES = 60;
/** For so long the pictures in view come first, before other outcomes. */
const OPENING_MS = 600;
/** Images that get an outcome within this time are fetched together. */
const FETCH_DELAY_MS = 120;
/** The grid renders at most once in this time. */
const RENDER_INTERVAL_MS = 150;
const RETRY_DELAY_MS = 2000;

type Connection = 'opening' | 'open' | 'lost' | 'gone';

interface FetchInFlight {
  range: IndexRange;
  outdated: IndexRanges;
}

/** The live state of one job: follows its events and fetches the outcomes that they announce. */
export class FollowedJob {
  readonly id: string;
  /** Dropped images: an index is a time of the day, and most indexes are empty. */
  readonly isSparse: boolean;
  readonly outcomes = new Outcomes();
  readonly job = signal<JobView | undefined>();
  readonly connection = signal<Connection>('opening');
  /** Why the job cannot be shown. */
  readonly error = signal<ServiceError | undefined>();
  /** Counts changes of `outcomes`. Read it to render again after a change. */
  readonly revision = signal(0);
  /** Number of images known so far. */
  readonly total = computed(() => {
    this.revision.value;
    const { covered } = this.outcomes;
    return this.job.value?.total ?? (this.isSparse ? covered.size : covered.end);
  });

  /** Whether a retry may change an outcome. Of a larger job not all errors are loaded. */
  readonly canRetry = computed(() => {
    this.revision.value;
    const job = this.job.value;
    if (job?.state !== 'finished' || job.errors === 0) return false;
    return (
      this.total.value > MAX_FETCHED_WHOLE ||
      this.outcomes.errorCodes().some((code) => canRetryHelp(code, job))
    );
  });

  /** There is no such job. */
  get isUnknown(): boolean {
    return this.error.value !== undefined && isFinal(this.error.value);
  }

  #visible = new IndexRanges();
  readonly #inFlight = new Set<FetchInFlight>();
  readonly #closed = new AbortController();
  #fetchTimer: ReturnType<typeof setTimeout> | undefined;
  #renderTimer: ReturnType<typeof setTimeout> | undefined;
  #openingTimer: ReturnType<typeof setTimeout> | undefined;
  #renderedMs = Number.NEGATIVE_INFINITY;
  #attempt: number | undefined;

  constructor(id: string) {
    this.id = id;
    this.isSparse = isDropJob(id);
    const stop = listenToEvents(id, {
      snapshot: (event) => this.#snapshot(event),
      progress: (event) => this.#progress(event),
      gone: () => {
        this.connection.value = 'gone';
      },
      lost: () => {
        if (this.connection.value !== 'gone') this.connection.value = 'lost';
      },
      refused: () => this.#probe(),
    });
    this.#closed.signal.addEventListener('abort', stop);
    // Not after the first event. But that has the first free connection, as nothing is shown before it.
    setTimeout(() => void this.#fetch({ first: 0, last: FIRST_IMAGES - 1 }));
    this.#openingTimer = setTimeout(() => {
      this.#openingTimer = undefined;
      this.#fetchMore();
    }, OPENING_MS);
  }

  close(): void {
    this.#closed.abort();
    clearTimeout(this.#fetchTimer);
    clearTimeout(this.#renderTimer);
    clearTimeout(this.#openingTimer);
  }

  /** Sets the images in view. They are fetched first. */
  setVisible(indexes: readonly number[]): void {
    this.#visible = new IndexRanges();
    for (const index of indexes) this.#visible.add({ first: index, last: index });
    this.#fetchSoon(FETCH_DELAY_MS);
  }

  /** Takes the job that a cancel or a retry returned. */
  update(job: JobView): void {
    this.job.value = job;
  }

  #snapshot({ job, covered }: JobEvent): void {
    const isFirst = this.#attempt === undefined;
    const isRetried = !isFirst && job.attempt > (this.#attempt ?? 0) && !isOver(job);
    this.#attempt = job.attempt;
    this.outcomes.snapshot(covered, isRetried);
    // Responses still in flight may hold older outcomes: of the previous attempt, or of a moment ago.
    if (!isFirst || !isOver(job)) for (const { range, outdated } of this.#inFlight) outdated.add(range);
    this.#applyJob(job);
  }

  #progress({ job, covered }: JobEvent): void {
    this.outcomes.progress(covered);
    for (const { outdated } of this.#inFlight) for (const range of covered) outdated.add(range);
    this.#applyJob(job);
  }

  #applyJob(job: JobView): void {
    if (isOver(job)) this.outcomes.endRetry();
    this.connection.value = 'open';
    this.error.value = undefined;
    this.job.value = job;
    this.#renderSoon();
    this.#fetchSoon(FETCH_DELAY_MS);
  }

  async #probe(): Promise<boolean> {
    try {
      this.job.value = await callService<JobView>(`/jobs/${this.id}`, { signal: this.#closed.signal });
      return true;
    } catch (error) {
      if (!(error instanceof ServiceError)) return false;
      const isOver = isFinal(error);
      if (isOver || this.job.value === undefined) this.error.value = error;
      if (isOver && this.job.value !== undefined) this.connection.value = 'gone';
      return !isOver;
    }
  }

  #fetchSoon(ms: number): void {
    if (this.#closed.signal.aborted) return;
    this.#fetchTimer ??= setTimeout(() => {
      this.#fetchTimer = undefined;
      this.#fetchMore();
    }, ms);
  }

  #fetchMore(): void {
    const state = {
      missing: this.outcomes.missing,
      inFlight: new IndexRanges(Array.from(this.#inFlight, ({ range }) => range)),
      visible: this.#visible,
      total: this.total.peek(),
      isSparse: this.isSparse,
      isOpening: this.#openingTimer !== undefined,
    };
    for (const range of nextRequests(state, MAX_PARALLEL - this.#inFlight.size)) void this.#fetch(range);
  }

  async #fetch(range: IndexRange): Promise<void> {
    const request: FetchInFlight = { range, outdated: new IndexRanges() };
    this.#inFlight.add(request);
    let hasOutcomes = false;
    try {
      const count = this.outcomes.covered.within(range).size;
      const limit = Math.min(PAGE_IMAGES, count > 0 ? count : FIRST_IMAGES);
      const query = new URLSearchParams({ from: String(range.first), limit: String(limit) });
      const { signal } = this.#closed;
      const page = await callService<ResultsPage>(`/jobs/${this.id}/results?${query}`, { signal });
      hasOutcomes = page.outcomes.length > 0;
      this.outcomes.add(page.outcomes, request.outdated);
      this.#renderSoon();
    } catch {
      // Retried below. Errors of the connection or the job are reported by its events.
    } finally {
      this.#inFlight.delete(request);
      this.#fetchSoon(hasOutcomes ? 0 : RETRY_DELAY_MS);
    }
  }

  #renderSoon(): void {
    const waitMs = Math.max(0, this.#renderedMs + RENDER_INTERVAL_MS - performance.now());
    this.#renderTimer ??= setTimeout(() => {
      this.#renderTimer = undefined;
      this.#renderedMs = performance.now();
      this.revision.value++;
    }, waitMs);
  }
}

/** The job does not exist, or no longer. */
const isFinal = ({ status }: ServiceError): boolean => status === 404 || status === 400;
