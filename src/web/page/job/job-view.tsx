import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { age } from '../format.ts';
import { say } from '../shell/live-region.tsx';
import { ErrorNotice, Notice } from '../shell/notice.tsx';
import { originalOf } from '../upload/originals.ts';
import { type Announcement, announcement } from './announcement.ts';
import { arrange, PLAIN, type ViewOptions } from './arrange.ts';
import { FollowedJob } from './followed-job.ts';
import { ImageGrid } from './image-grid.tsx';
import { JobActions } from './job-actions.tsx';
import { JobProgress } from './job-progress.tsx';
import { modelWords } from './job-text.ts';
import { Toolbar } from './toolbar.tsx';

/** One job: how far it is, and its images. */
export function JobPageView({ id }: { id: string }) {
  const followed = useMemo(() => new FollowedJob(id), [id]);
  useEffect(() => () => followed.close(), [followed]);
  useAnnouncements(followed);
  const wish = useSignal<ViewOptions>(PLAIN);
  const nameOf = (index: number): string =>
    followed.outcomes.at(index)?.name ?? originalOf(id, index)?.name ?? `Image ${index + 1}`;
  const arrangement = useComputed(() => {
    followed.revision.value;
    const { outcomes, total, isSparse } = followed;
    return arrange({ outcomes, total: total.value, isSparse, nameOf }, wish.value);
  });
  const job = followed.job.value;
  const connection = followed.connection.value;

  if (connection === 'gone')
    return (
      <section class="narrow">
        <h1 tabIndex={-1}>This job is gone</h1>
        <p>
          It was deleted. <a href="/jobs">Other jobs</a> are still there.
        </p>
      </section>
    );
  return (
    <section class="job" aria-busy={job === undefined}>
      {followed.trouble.value !== undefined && <ErrorNotice error={followed.trouble.value} />}
      {job === undefined ? (
        <h1 tabIndex={-1}>Job</h1>
      ) : (
        <>
          <JobProgress job={job} />
          <JobActions job={job} onJob={(now) => followed.update(now)} />
          <p class="small job-id">
            Job <code>{job.id}</code>, {age(job.createdAtMs, Date.now())}
            {job.model !== undefined && `, by ${modelWords(job)}`}
          </p>
        </>
      )}
      {connection === 'lost' && <Notice kind="quiet">Connection lost, trying again.</Notice>}
      {job !== undefined && followed.total.value > 0 && (
        <>
          <Toolbar wish={wish} arrangement={arrangement.value} job={job} loaded={followed.outcomes.loaded} />
          <ImageGrid followed={followed} groups={arrangement.value.groups} nameOf={nameOf} />
        </>
      )}
    </section>
  );
}

/** Tells a screen reader how the job goes, rarely. */
function useAnnouncements(followed: FollowedJob): void {
  const last = useRef<Announcement>(undefined);
  useEffect(
    () =>
      followed.job.subscribe((job) => {
        const news = job === undefined ? undefined : announcement(job, last.current, Date.now());
        if (news === undefined) return;
        last.current = news.announced;
        say(news.text);
      }),
    [followed],
  );
}
