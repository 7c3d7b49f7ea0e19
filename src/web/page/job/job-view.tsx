import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { harmless } from '../../../core/text/harmless.ts';
import { announce } from '../shell/live-region.tsx';
import { ErrorNotice, Notice } from '../shell/notice.tsx';
import { originalOf } from '../upload/originals.ts';
import { type Announcement, announcementOf } from './announcement.ts';
import { arrange, DEFAULT_VIEW, type ViewOptions } from './arrange.ts';
import { MAX_FETCHED_WHOLE } from './fetch-plan.ts';
import { FollowedJob } from './followed-job.ts';
import { ImageGrid } from './image-grid.tsx';
import { JobHeader } from './job-header.tsx';
import { Toolbar } from './toolbar.tsx';

/** One job: its progress and its images. */
export function JobPageView({ id }: { id: string }) {
  const followed = useMemo(() => new FollowedJob(id), [id]);
  useEffect(() => () => followed.close(), [followed]);
  useAnnouncements(followed);
  const options = useSignal<ViewOptions>(DEFAULT_VIEW);
  const nameOf = (index: number): string =>
    harmless(followed.outcomes.at(index)?.name ?? originalOf(id, index)?.name ?? `Image ${index + 1}`);
  const arrangement = useComputed(() => {
    followed.revision.value;
    const { outcomes, total, isSparse } = followed;
    return arrange({ outcomes, total: total.value, isSparse, nameOf }, options.value);
  });
  const warnings = useComputed(() => {
    followed.revision.value;
    // Of a larger job only a part is loaded.
    return followed.total.value > MAX_FETCHED_WHOLE ? [] : followed.outcomes.warnings();
  });
  const job = followed.job.value;
  const connection = followed.connection.value;

  if (connection === 'gone')
    return (
      <section class="narrow">
        <h1 tabIndex={-1}>Job deleted</h1>
        <p>
          This job was deleted. <a href="jobs">See all jobs</a>
        </p>
      </section>
    );
  return (
    <section class="job" aria-busy={job === undefined}>
      {followed.error.value !== undefined && <ErrorNotice error={followed.error.value} />}
      {job === undefined ? (
        <h1 tabIndex={-1}>Job</h1>
      ) : (
        <>
          <JobHeader job={job} minScore={0} onJob={(now) => followed.update(now)} />
          {warnings.value.map((text) => (
            <p key={text} class="warning">
              {text}
            </p>
          ))}
        </>
      )}
      {connection === 'lost' && <Notice kind="quiet">Connection lost. Reconnecting.</Notice>}
      {job !== undefined && followed.total.value > 0 && (
        <>
          <Toolbar
            options={options}
            arrangement={arrangement.value}
            job={job}
            loaded={followed.outcomes.loaded}
          />
          <ImageGrid followed={followed} groups={arrangement.value.groups} nameOf={nameOf} />
        </>
      )}
    </section>
  );
}

/** Announces the job's progress to screen readers. */
function useAnnouncements(followed: FollowedJob): void {
  const last = useRef<Announcement>(undefined);
  useEffect(
    () =>
      followed.job.subscribe((job) => {
        const next = job === undefined ? undefined : announcementOf(job, last.current, Date.now());
        if (next === undefined) return;
        last.current = next.announced;
        announce(next.text);
      }),
    [followed],
  );
}
