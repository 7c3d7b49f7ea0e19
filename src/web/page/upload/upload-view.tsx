import { CopyCurl } from '../controls/copy-curl.tsx';
import { LatestJobs, useLatestJobs } from '../jobs/latest-jobs.tsx';
import { ErrorNotice, Notice } from '../shell/notice.tsx';
import { AddressTray } from './address-tray.tsx';
import { DropZone } from './drop-zone.tsx';
import { addresses } from './pasted-addresses.ts';
import { Samples } from './samples.tsx';
import { Tray } from './tray.tsx';
import { chosen, failure, skipped, uploading } from './tray-state.ts';

/** Collects images that are dropped, chosen or pasted. */
export function UploadView() {
  const latest = useLatestJobs();
  const hasImages = chosen.value.length + uploading.value.length > 0;
  const isEmpty = !hasImages && addresses.value.length === 0;
  return (
    <section class="upload">
      <div class="upload-head">
        <h1 tabIndex={-1}>
          <span class="for-mouse">Drop photos.</span>
          <span class="for-touch">Take photos.</span> Get a label for each.
        </h1>
        <CopyCurl path="jobs" options=" -F 'files=@photo.jpg'" />
        {isEmpty && (
          <p class="lead">
            Labels are animals, objects, vehicles and food. People, faces and most scenes are not among them.
          </p>
        )}
      </div>
      <DropZone />
      {skipped.value.length > 0 && (
        <Notice kind="quiet">
          {skipped.value.map((sentence) => (
            <p key={sentence}>{sentence}</p>
          ))}
        </Notice>
      )}
      {hasImages && <Tray />}
      {addresses.value.length > 0 && <AddressTray />}
      {isEmpty && failure.value !== undefined && <ErrorNotice error={failure.value} />}
      {isEmpty && latest !== undefined && <Samples isFirstTime={latest.length === 0} />}
      {isEmpty && latest !== undefined && latest.length > 0 && <LatestJobs jobs={latest} />}
    </section>
  );
}
