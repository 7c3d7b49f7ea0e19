import { batch, signal } from '@preact/signals';
import type { JobView } from '../../api.ts';
import type { FoundPage } from '../../find-views.ts';
import { jobTitle } from '../job/job-text.ts';
import { callService } from '../service/call-service.ts';
import { type FindQuery, findPath } from './find-query.ts';

export type FoundPhoto = FoundPage['photographs'][number];

/** What was found for the latest query, page by page. */
export class Search {
  readonly photos = signal<readonly FoundPhoto[]>([]);
  /** The last page; undefined before the first. */
  readonly page = signal<FoundPage | undefined>(undefined);
  readonly failure = signal<unknown>(undefined);
  readonly isLoading = signal(false);
  /** The names of the jobs, as far as they were asked for. */
  readonly titles = signal<ReadonlyMap<string, string>>(new Map());
  #query: FindQuery = { words: '', minScore: '0' };
  #latest = new AbortController();

  /** Searches anew. Without words nothing is found. */
  async start(query: FindQuery): Promise<void> {
    this.#query = query;
    this.#latest.abort();
    if (query.words === '') this.#show(undefined, []);
    else await this.#load(0);
  }

  async more(): Promise<void> {
    const next = this.page.value?.next;
    if (next !== undefined) await this.#load(next);
  }

  close(): void {
    this.#latest.abort();
  }

  async #load(from: number): Promise<void> {
    this.#latest = new AbortController();
    const { signal: latest } = this.#latest;
    this.isLoading.value = true;
    try {
      const page = await callService<FoundPage>(`/${findPath(this.#query, from)}`, { signal: latest });
      const before = from === 0 ? [] : this.photos.value;
      this.#show(page, [...before, ...page.photographs]);
      await this.#addTitles(page.photographs, latest);
    } catch (error) {
      if (latest.aborted) return;
      batch(() => {
        this.failure.value = error;
        this.isLoading.value = false;
      });
    }
  }

  #show(page: FoundPage | undefined, photos: readonly FoundPhoto[]): void {
    batch(() => {
      this.page.value = page;
      this.photos.value = photos;
      this.failure.value = undefined;
      this.isLoading.value = false;
    });
  }

  /** A job that is deleted meanwhile stays without a name. */
  async #addTitles(photos: readonly FoundPhoto[], signal: AbortSignal): Promise<void> {
    const unknown = new Set(photos.map(({ job }) => job).filter((job) => !this.titles.value.has(job)));
    for (const id of unknown) {
      const job = await callService<JobView>(`/jobs/${id}`, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      if (job !== undefined) this.titles.value = new Map(this.titles.value).set(id, jobTitle(job));
    }
  }
}
