import { useEffect, useMemo, useRef } from 'preact/hooks';
import { setTitle } from '../location.ts';
import { serverError, unlessSaid } from '../service/server.ts';
import { announce } from '../shell/live-region.tsx';
import { ErrorNotice, Notice } from '../shell/notice.tsx';
import { type Announcement, announcementOf } from './follow/announcement.ts';
import { FollowedJob } from './follow/followed-job.ts';
import { JobHeader } from './job-header.tsx';
import { JobPhotos } from './job-photos.tsx';
import { jobTitle } from './job-text.ts';
import { NoJob } from './no-job.tsx';
import { useJobActions } from './use-job-actions.ts';

/** One job: its progress and its images. */
export function JobPageView({ id }: { id: string }) {
  const followed = useMemo(() => new FollowedJob(id), [id]);
  useEffect(() => () => followed.close(), [followed]);
  useAnnouncements(followed);
  const actions = useJobActions(followed);
  const failure = unlessSaid(followed.error.value ?? actions.failure.value);
  const job = followed.job.value;
  const connection = followed.connection.value;
  const title = job === undefined ? undefined : jobTitle(job);
  useEffect(() => {
    if (title !== undefined) setTitle(title);
  }, [title]);

  if (connection === 'gone' || followed.isUnknown) return <NoJob id={id} isDeleted={connection === 'gone'} />;
  return (
    <section class="job" aria-busy={job === undefined}>
      {failure !== undefined && <ErrorNotice error={failure} />}
      {job === undefined ? <h1 tabIndex={-1}>Job</h1> : <JobHeader job={job} actions={actions} />}
      {connection === 'lost' && serverError.value === undefined && (
        <Notice kind="quiet">Connection lost. Reconnecting.</Notice>
      )}
      {job !== undefined && followed.total.value > 0 && (
        <JobPhotos followed={followed} job={job} onRetry={actions.retry} />
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
