import { useSignal } from '@preact/signals';
import type { JobPage } from '../../api.ts';
import { ask } from '../service/call-service.ts';
import { ErrorNotice } from '../shell/notice.tsx';
import { usePolling } from '../shell/use-polling.ts';
import { addPage, type Listed, NONE, refreshed } from './job-list.ts';
import { JobRow } from './job-row.tsx';

const LOOK_MS = 5000;
const PAGE = 20;

/** All jobs, newest first. */
export function JobsView() {
  const listed = useSignal<Listed | undefined>(undefined);
  const trouble = useSignal<unknown>(undefined);
  const isAsking = useSignal(false);
  const page = (query: Record<string, string>, signal?: AbortSignal) =>
    ask<JobPage>(`/jobs?${new URLSearchParams({ limit: String(PAGE), ...query })}`, signal ? { signal } : {});

  usePolling(async (signal) => {
    try {
      listed.value = refreshed(listed.value ?? NONE, await page({}, signal));
      trouble.value = undefined;
    } catch (error) {
      if (!signal.aborted) trouble.value = error;
    }
  }, LOOK_MS);

  async function more(after: string) {
    isAsking.value = true;
    try {
      listed.value = addPage(listed.value ?? NONE, await page({ after }));
    } catch (error) {
      trouble.value = error;
    }
    isAsking.value = false;
  }

  const { jobs, next } = listed.value ?? NONE;
  return (
    <section class="jobs" aria-busy={listed.value === undefined}>
      <div class="view-head">
        <h1 tabIndex={-1}>Jobs</h1>
        <a class="button" href="/">
          Label images
        </a>
      </div>
      {trouble.value !== undefined && <ErrorNotice error={trouble.value} isTriedAgain />}
      {listed.value !== undefined && jobs.length === 0 && (
        <p class="empty">
          No jobs yet. <a href="/">Label some images</a>, and they will be listed here.
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
        <button type="button" class="more" disabled={isAsking.value} onClick={() => void more(next)}>
          More jobs
        </button>
      )}
    </section>
  );
}
