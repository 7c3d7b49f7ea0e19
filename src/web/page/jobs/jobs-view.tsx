import { useSignal } from '@preact/signals';
import type { JobPage } from '../../api.ts';
import { callService } from '../service/call-service.ts';
import { ErrorNotice } from '../shell/notice.tsx';
import { usePolling } from '../shell/use-polling.ts';
import { appendPage, EMPTY_LIST, type JobList, updateNewest } from './job-list.ts';
import { JobRow } from './job-row.tsx';

const POLL_INTERVAL_MS = 5000;
const PAGE_SIZE = 20;

/** All jobs, newest first. */
export function JobsView() {
  const list = useSignal<JobList | undefined>(undefined);
  const failure = useSignal<unknown>(undefined);
  const isLoading = useSignal(false);
  const fetchPage = (query: Record<string, string>, signal?: AbortSignal) =>
    callService<JobPage>(
      `/jobs?${new URLSearchParams({ limit: String(PAGE_SIZE), ...query })}`,
      signal ? { signal } : {},
    );

  usePolling(async (signal) => {
    try {
      list.value = updateNewest(list.value ?? EMPTY_LIST, await fetchPage({}, signal));
      failure.value = undefined;
    } catch (error) {
      if (!signal.aborted) failure.value = error;
    }
  }, POLL_INTERVAL_MS);

  async function loadMore(after: string) {
    isLoading.value = true;
    try {
      list.value = appendPage(list.value ?? EMPTY_LIST, await fetchPage({ after }));
    } catch (error) {
      failure.value = error;
    }
    isLoading.value = false;
  }

  const { jobs, next } = list.value ?? EMPTY_LIST;
  return (
    <section class="jobs" aria-busy={list.value === undefined}>
      <div class="view-head">
        <h1 tabIndex={-1}>Jobs</h1>
        <a class="button" href="./">
          Label images
        </a>
      </div>
      {failure.value !== undefined && <ErrorNotice error={failure.value} isRetrying />}
      {list.value !== undefined && jobs.length === 0 && (
        <p class="empty">
          No jobs yet. <a href="./">Label images</a> to create one.
        </p>
      )}
      {jobs.length > 0 && (
        <ul class="job-list" aria-label="Jobs">
          {jobs.map((job) => (
            <JobRow key={job.id} job={job} />
          ))}
        </ul>
      )}
      {next !== undefined && (
        <button type="button" class="more" disabled={isLoading.value} onClick={() => void loadMore(next)}>
          Show more jobs
        </button>
      )}
    </section>
  );
}
