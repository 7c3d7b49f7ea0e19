import { computed, signal } from '@preact/signals';
import { IndexRanges } from '../../../core/job/index-ranges.ts';
import { isDropJob } from '../../../core/job/job-ids.ts';
import type { JobEvent, JobView, ResultsPage, SpanView } from '../../api.ts';
import { ask, ServiceError } from '../service/call-service.ts';
import { nextRequests, PAGE } from './fetch-plan.ts';
import { isOver } from './job-text.ts';
import { listen } from './listen-to-events.ts';
import { Outcomes } from './outcomes.ts';

const AT_ONCE = 3;
/** Images that come together are fetched together. */
const GATHER_MS = 120;
/** The grid is drawn anew this often at most. */
const DRAW_MS = 150;
const AFTER_FAILURE_MS = 2000;

type Connection = 'opening' | 'open' | 'lost' | 'gone';

interface Flight {
  span: SpanView;
  outdated: IndexRanges;
}

/** One job as it goes on: follows its events and fetches the outcomes that they tell of. */
export class FollowedJob {
  readonly id: string;
  /** Indexes are places in a day, most of them empty. */
  readonly isSparse: boolean;
  readonly outcomes = new Outcomes();
  readonly job = signal<JobView | undefined>();
  readonly connection = signal<Connection>('opening');
  /** Why the job cannot be shown. */
  readonly trouble = signal<ServiceError | undefined>();
  /** Counts changes of `outcomes`: read it to be drawn again after one. */
  readonly revision = signal(0);
  /** Images of the job, as far as they are known. */
  readonly total = computed(() => {
    this.revision.value;
    const { covered } = this.outcomes;
    return this.job.value?.total ?? (this.isSparse ? covered.size : covered.end);
  });

  #visible = new IndexRanges();
  readonly #flights = new Set<Flight>();
  readonly #closed = new AbortController();
  #fetchTimer: ReturnType<typeof setTimeout> | undefined;
  #drawTimer: ReturnType<typeof setTimeout> | undefined;
  #attempt: number | undefined;

  constructor(id: string) {
    this.id = id;
    this.isSparse = isDropJob(id);
    const stop = listen(id, {
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
  }

  close(): void {
    this.#closed.abort();
    clearTimeout(this.#fetchTimer);
    clearTimeout(this.#drawTimer);
  }

  /** Says what is in view, so that it comes first. */
  look(indexes: readonly number[]): void {
    this.#visible = new IndexRanges();
    for (const index of indexes) this.#visible.add({ first: index, last: index });
    this.#fetchSoon(GATHER_MS);
  }

  /** What the service answered to a cancel or a retry. */
  update(job: JobView): void {
    this.job.value = job;
  }

  #snapshot({ job, covered }: JobEvent): void {
    const isRetried = this.#attempt !== undefined && job.attempt > this.#attempt && !isOver(job);
    this.#attempt = job.attempt;
    this.outcomes.snapshot(covered, isRetried);
    // Answers that are on their way may be of the attempt before.
    for (const { span, outdated } of this.#flights) outdated.add(span);
    this.#changed(job);
  }

  #progress({ job, covered }: JobEvent): void {
    this.outcomes.progress(covered);
    for (const { outdated } of this.#flights) for (const span of covered) outdated.add(span);
    this.#changed(job);
  }

  #changed(job: JobView): void {
    if (isOver(job)) this.outcomes.settle();
    this.connection.value = 'open';
    this.trouble.value = undefined;
    this.job.value = job;
    this.#drawSoon();
    this.#fetchSoon(GATHER_MS);
  }

  async #probe(): Promise<boolean> {
    try {
      this.job.value = await ask<JobView>(`/jobs/${this.id}`, { signal: this.#closed.signal });
      return true;
    } catch (error) {
      if (!(error instanceof ServiceError)) return false;
      const isFinal = error.status === 404 || error.status === 400;
      if (isFinal || this.job.value === undefined) this.trouble.value = error;
      if (isFinal && this.job.value !== undefined) this.connection.value = 'gone';
      return !isFinal;
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
    const wants = {
      missing: this.outcomes.missing,
      inFlight: new IndexRanges(Array.from(this.#flights, ({ span }) => span)),
      visible: this.#visible,
      total: this.total.peek(),
      isSparse: this.isSparse,
    };
    for (const span of nextRequests(wants, AT_ONCE - this.#flights.size)) void this.#fetch(span);
  }

  async #fetch(span: SpanView): Promise<void> {
    const flight: Flight = { span, outdated: new IndexRanges() };
    this.#flights.add(flight);
    let isFruitful = false;
    try {
      const limit = Math.min(PAGE, this.outcomes.covered.within(span).size);
      const query = new URLSearchParams({ from: String(span.first), limit: String(limit) });
      const { signal } = this.#closed;
      const page = await ask<ResultsPage>(`/jobs/${this.id}/results?${query}`, { signal });
      isFruitful = page.outcomes.length > 0;
      this.outcomes.take(page.outcomes, flight.outdated);
      this.#drawSoon();
    } catch {
      // Asked for again below; what is wrong with the connection or the job, its events tell.
    } finally {
      this.#flights.delete(flight);
      this.#fetchSoon(isFruitful ? 0 : AFTER_FAILURE_MS);
    }
  }

  #drawSoon(): void {
    this.#drawTimer ??= setTimeout(() => {
      this.#drawTimer = undefined;
      this.revision.value++;
    }, DRAW_MS);
  }
}
