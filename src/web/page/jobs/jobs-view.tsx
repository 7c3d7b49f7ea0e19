import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { CopyCurl } from '../controls/copy-curl.tsx';
import { SearchField } from '../controls/search-field.tsx';
import { query, replaceQuery } from '../location.ts';
import { unlessSaid } from '../service/server.ts';
import { ErrorNotice } from '../shell/notice.tsx';
import { usePolling } from '../shell/use-polling.ts';
import { filterJobs } from './filter-jobs.ts';
import { EMPTY_LIST } from './job-list.ts';
import { JobRow } from './job-row.tsx';
import { LoadedJobs } from './loaded-jobs.ts';
import { SelectionBar } from './selection-bar.tsx';

const POLL_INTERVAL_MS = 5000;
/** Safari allows 100 changes of the address in 30 s. */
const ADDRESS_PAUSE_MS = 300;

/** All jobs, newest first. */
export function JobsView() {
  const loaded = useMemo(() => new LoadedJobs(), []);
  usePolling((signal) => loaded.refresh(signal), POLL_INTERVAL_MS);
  const selected = useSignal<ReadonlySet<string>>(new Set());
  const filter = useSignal(query.value.get('q') ?? '');
  const isFiltered = filter.value.trim() !== '';
  useEffect(() => {
    const closed = new AbortController();
    const text = filter.value.trim();
    const timer = setTimeout(() => {
      replaceQuery({ q: text });
      if (text !== '') void loaded.rest(closed.signal);
    }, ADDRESS_PAUSE_MS);
    return () => {
      clearTimeout(timer);
      closed.abort();
    };
  }, [filter.value]);

  const { jobs, next } = loaded.list.value ?? EMPTY_LIST;
  const failure = unlessSaid(loaded.failure.value);
  const shown = isFiltered ? filterJobs(jobs, filter.value) : jobs;
  const chosen = jobs.filter(({ id }) => selected.value.has(id));
  function toggle(id: string) {
    const changed = new Set(selected.value);
    if (!changed.delete(id)) changed.add(id);
    selected.value = changed;
  }

  return (
    <section class="jobs" aria-busy={loaded.list.value === undefined}>
      <div class="view-head">
        <h1 tabIndex={-1}>Jobs</h1>
        <div class="buttons">
          <CopyCurl path="jobs" />
          <a class="button" href="./">
            Label photos
          </a>
        </div>
      </div>
      {failure !== undefined && <ErrorNotice error={failure} />}
      {loaded.list.value !== undefined && jobs.length === 0 && (
        <p class="empty">
          No jobs yet. <a href="./">Label photos</a> to create one.
        </p>
      )}
      {jobs.length > 0 && (
        <>
          <SearchField
            label="Search jobs"
            placeholder="Folder or file name"
            value={filter.value}
            onInput={(text) => {
              filter.value = text;
            }}
          />
          {chosen.length > 0 && (
            <SelectionBar
              jobs={chosen}
              onDelete={() => void loaded.remove(chosen.map(({ id }) => id))}
              onClear={() => {
                selected.value = new Set();
              }}
            />
          )}
          {shown.length === 0 ? (
            <p class="empty" role="status">
              {loaded.isLoading.value ? 'Searching older jobs…' : `No jobs match “${filter.value.trim()}”.`}
            </p>
          ) : (
            <ul class="job-list" aria-label="Jobs">
              {shown.map((job) => (
                <JobRow
                  key={job.id}
                  job={job}
                  isSelected={selected.value.has(job.id)}
                  onSelect={() => toggle(job.id)}
                />
              ))}
            </ul>
          )}
        </>
      )}
      {next !== undefined && !isFiltered && (
        <button
          type="button"
          class="more"
          disabled={loaded.isLoading.value}
          onClick={() => void loaded.more()}
        >
          Show more jobs
        </button>
      )}
    </section>
  );
}
