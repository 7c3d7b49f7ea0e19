import { useSignal } from '@preact/signals';
import type { JobView } from '../../api.ts';
import { counted } from '../format.ts';
import { goTo } from '../location.ts';
import { ask } from '../service/call-service.ts';
import { Confirm } from '../shell/confirm-dialog.tsx';
import { say } from '../shell/live-region.tsx';
import { ErrorNotice } from '../shell/notice.tsx';
import { forgetOriginals } from '../upload/originals.ts';
import { CopyLink } from './copy-link.tsx';
import { isGoing } from './job-text.ts';

/** What can be done with a job as it is now. */
export function JobActions({ job, onJob }: { job: JobView; onJob(job: JobView): void }) {
  const trouble = useSignal<unknown>(undefined);
  const isBusy = useSignal(false);
  const isConfirming = useSignal(false);
  const path = `/jobs/${job.id}`;
  const download = (format: string) => `/v1${path}/results?format=${format}`;

  async function act(action: () => Promise<void>) {
    isBusy.value = true;
    trouble.value = undefined;
    await action().catch((error: unknown) => {
      trouble.value = error;
    });
    isBusy.value = false;
  }
  const post = (verb: string, said: string) => () =>
    void act(async () => {
      onJob(await ask<JobView>(`${path}/${verb}`, { method: 'POST' }));
      say(said);
    });
  const remove = () =>
    void act(async () => {
      await ask(path, { method: 'DELETE' });
      forgetOriginals(job.id);
      goTo('/jobs');
      say('The job was deleted');
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
          <button
            type="button"
            disabled={isBusy.value}
            onClick={post('retry', 'The failed images are tried again')}
          >
            Retry {counted(job.errors, 'failed image')}
          </button>
        )}
        {isGoing(job) && (
          <button type="button" disabled={isBusy.value} onClick={post('cancel', 'The job was cancelled')}>
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
      {trouble.value !== undefined && <ErrorNotice error={trouble.value} />}
      {isConfirming.value && (
        <Confirm
          title="Delete this job?"
          action="Delete"
          onConfirm={remove}
          onClose={() => {
            isConfirming.value = false;
          }}
        >
          <p>
            Its {counted(job.done, 'result')} will be gone for good.{' '}
            {isGoing(job) && 'What is not done is given up.'}
          </p>
        </Confirm>
      )}
    </>
  );
}
