import { signal } from '@preact/signals';
import type { JobPage } from '../../api.ts';
import { callService } from '../service/call-service.ts';
import { forgetOriginals } from '../upload/originals.ts';
import { appendPage, EMPTY_LIST, type JobList, updateNewest } from './job-list.ts';

const PAGE_SIZE = 20;
/** A search looks at all jobs, in the largest pages that the service gives. */
const SEARCH_PAGE_SIZE = 100;

/** The jobs that the page has loaded so far, and what went wrong. */
export class LoadedJobs {
  /** Undefined before the first page. */
  readonly list = signal<JobList | undefined>(undefined);
  readonly failure = signal<unknown>(undefined);
  readonly isLoading = signal(false);
  #appending: Promise<void> | undefined;

  /** Loads the first page again. */
  async refresh(signal: AbortSignal): Promise<void> {
    try {
      this.list.value = updateNewest(this.list.value ?? EMPTY_LIST, await fetchPage({}, signal));
      this.failure.value = undefined;
    } catch (error) {
      if (!signal.aborted) this.failure.value = error;
    }
  }

  async more(): Promise<void> {
    await this.#append(PAGE_SIZE);
  }

  /** Loads the remaining pages, until all are there or the search is given up. */
  async rest(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.list.value?.next !== undefined && this.failure.value === undefined)
      await this.#append(SEARCH_PAGE_SIZE);
  }

  /** Deletes these jobs, one after the other. Those that are deleted leave the list at once. */
  async remove(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      try {
        await callService(`/jobs/${id}`, { method: 'DELETE' });
      } catch (error) {
        this.failure.value = error;
        return;
      }
      forgetOriginals(id);
      const list = this.list.value ?? EMPTY_LIST;
      this.list.value = { ...list, jobs: list.jobs.filter((job) => job.id !== id) };
    }
  }

  /** Callers at the same time wait for the same page. */
  #append(limit: number): Promise<void> {
    this.#appending ??= this.#appendPage(limit).finally(() => {
      this.#appending = undefined;
    });
    return this.#appending;
  }

  async #appendPage(limit: number): Promise<void> {
    const after = this.list.value?.next;
    if (after === undefined) return;
    this.isLoading.value = true;
    try {
      const page = await fetchPage({ after, limit: String(limit) });
      this.list.value = appendPage(this.list.value ?? EMPTY_LIST, page);
    } catch (error) {
      this.failure.value = error;
    }
    this.isLoading.value = false;
  }
}

const fetchPage = (query: Record<string, string>, signal?: AbortSignal): Promise<JobPage> =>
  callService<JobPage>(
    `/jobs?${new URLSearchParams({ limit: String(PAGE_SIZE), ...query })}`,
    signal ? { signal } : {},
  );
