import { useComputed } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { harmless } from '../../../core/text/harmless.ts';
import type { JobView } from '../../api.ts';
import { originalOf } from '../upload/originals.ts';
import { arrange } from './filter/arrange.ts';
import { StackBar } from './filter/stack-bar.tsx';
import { Toolbar } from './filter/toolbar.tsx';
import { useViewOptions } from './filter/use-view-options.ts';
import { ViewNotes } from './filter/view-notes.tsx';
import { isFiltered } from './filter/view-options.ts';
import { MAX_FETCHED_WHOLE } from './follow/fetch-plan.ts';
import type { FollowedJob } from './follow/followed-job.ts';
import { ImageGrid } from './grid/image-grid.tsx';
import { PhotoView } from './photo/photo-view.tsx';
import { useOpenedPhoto } from './photo/use-opened-photo.ts';

interface JobPhotosProps {
  followed: FollowedJob;
  job: JobView;
  /** Undefined if a retry cannot help. */
  onRetry: (() => void) | undefined;
}

/** The images of a job, and how they are filtered, sorted and grouped. */
export function JobPhotos({ followed, job, onRetry }: JobPhotosProps) {
  const { id, outcomes } = followed;
  const { options, change, draftMinScore } = useViewOptions();
  const photo = useOpenedPhoto();
  const nameOf = (index: number): string =>
    harmless(outcomes.at(index)?.name ?? originalOf(id, index)?.name ?? `Photo ${index + 1}`);
  const arranged = useComputed(() => {
    followed.revision.value;
    const { total, isSparse } = followed;
    return arrange({ outcomes, total: total.value, isSparse, nameOf }, options.value);
  });
  const isCounted = useRef(false);
  const doubts = useComputed(() => {
    followed.revision.value;
    const { minScore } = options.value;
    // Not before all that is there is loaded, and then also while more comes. Of a larger job only a part is loaded.
    const isLoaded = outcomes.loaded > 0 && outcomes.missing.size === 0;
    isCounted.current ||= isLoaded && followed.total.value <= MAX_FETCHED_WHOLE;
    const count = isCounted.current ? outcomes.doubtful(minScore) : undefined;
    return { count, warnings: outcomes.warnings(minScore) };
  });
  const { grouping, minScore, stack } = options.value;
  const arrangement = arranged.value;
  const opened = photo.index.value;
  return (
    <>
      {(followed.total.value > 1 || isFiltered(options.value)) && (
        <Toolbar
          options={options.value}
          job={job}
          doubtful={doubts.value.count}
          shown={arrangement.images.length}
          onChange={change}
          onDraftMinScore={draftMinScore}
        />
      )}
      {grouping !== 'none' && (
        <StackBar
          grouping={grouping}
          stacks={arrangement.stacks}
          open={stack}
          onOpen={(title) => change({ stack: title })}
        />
      )}
      <ViewNotes
        job={job}
        options={options.value}
        arrangement={arrangement}
        loaded={outcomes.loaded}
        warnings={doubts.value.warnings}
        onChange={change}
        onRetry={onRetry}
      />
      <ImageGrid
        job={job}
        followed={followed}
        arrangement={arrangement}
        minScore={minScore}
        opened={opened}
        nameOf={nameOf}
        onOpen={photo.open}
        onOpenStack={(title) => change({ stack: title })}
      />
      {opened !== undefined && (
        <PhotoView
          job={job}
          index={opened}
          name={nameOf(opened)}
          outcome={outcomes.at(opened)}
          minScore={minScore}
          images={arrangement.images}
          onMove={photo.show}
          onClose={photo.close}
        />
      )}
    </>
  );
}
