import { useSignal } from '@preact/signals';
import type { JobView } from '../../api.ts';
import { counted } from '../format.ts';
import { navigate } from '../location.ts';
import { callService } from '../service/call-service.ts';
import { ConfirmDialog } from '../shell/confirm-dialog.tsx';
import { announce } from '../shell/live-region.tsx';
import { ErrorNotice } from '../shell/notice.tsx';
import { forgetOriginals } from '../upload/originals.ts';
import { CopyLink } from './copy-link.tsx';
import { isActive } from './job-text.ts';

/** The actions that the job's state allows. */
export function JobActions({ job, onJob }: { job: JobView; onJob(job: JobView): void }) {
  const failure = useSignal<unknown>(undefined);
  const isBusy = useSignal(false);
  const isConfirming = useSignal(false);
  const path = `/jobs/${job.id}`;
  const download = (format: string) => `v1${path}/results?format=${format}`;

  async function act(action: () => Promise<void>) {
    isBusy.value = true;
    failure.value = undefined;
    await action().catch((error: unknown) => {
      failure.value = error;
    });
    isBusy.value = false;
  }
  const post = (verb: string, announcement: string) => () =>
    void act(async () => {
      onJob(await callService<JobView>(`${path}/${verb}`, { method: 'POST' }));
      announce(announcement);
    });
  const remove = () =>
    void act(async () => {
      await callService(path, { method: 'DELETE' });
      forgetOriginals(job.id);
      navigate('jobs');
      announce('Job deleted');
    });

  return (
    <>
      <div class="actions">
        {job.done > 0 && (
          <>
            <a class="button" href={download('csv')} download>
              Download CSV
            </a>
            <a class="button" href={download('json')} download>
              Download JSON
            </a>
          </>
        )}
        <CopyLink />
        {job.errors > 0 && job.state === 'finished' && (
          <button type="button" disabled={isBusy.value} onClick={post('retry', 'Retrying the failed images')}>
            Retry {counted(job.errors, 'failed image')}
          </button>
        )}
        {isActive(job) && (
          <button type="button" disabled={isBusy.value} onClick={post('cancel', 'Job cancelled')}>
            Cancel job
          </button>
        )}
        <button
          type="button"
          class="quiet-danger"
          disabled={isBusy.value}
          onClick={() => {
            isConfirming.value = true;
          }}
        >
          Delete job
        </button>
      </div>
      {failure.value !== undefined && <ErrorNotice error={failure.value} />}
      {isConfirming.value && (
        <ConfirmDialog
          title="Delete this job?"
          action="Delete"
          onConfirm={remove}
          onClose={() => {
            isConfirming.value = false;
          }}
        >
          <p>
            This permanently deletes {counted(job.done, 'result')}.{' '}
            {isActive(job) && 'Unfinished images will not be classified.'}
          </p>
        </ConfirmDialog>
      )}
    </>
  );
}
