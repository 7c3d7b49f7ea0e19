import { useSignal } from '@preact/signals';
import type { JobView } from '../../api.ts';
import { copyText } from '../controls/copy-text.ts';
import { curlOf } from '../controls/curl.ts';
import { Menu, MenuButton } from '../controls/menu.tsx';
import { counted } from '../format.ts';
import { navigate } from '../location.ts';
import { callService } from '../service/call-service.ts';
import { ConfirmDialog } from '../shell/confirm-dialog.tsx';
import { announce } from '../shell/live-region.tsx';
import { ErrorNotice } from '../shell/notice.tsx';
import { forgetOriginals } from '../upload/originals.ts';
import { isActive } from './job-text.ts';

/** Less common actions: those that the job's state allows. */
export function JobMenu({ job, onJob }: { job: JobView; onJob(job: JobView): void }) {
  const failure = useSignal<unknown>(undefined);
  const isConfirming = useSignal(false);
  const path = `/jobs/${job.id}`;

  async function act(action: () => Promise<void>) {
    failure.value = undefined;
    await action().catch((error: unknown) => {
      failure.value = error;
    });
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
      <Menu label="More actions" icon="more">
        <MenuButton
          icon="code"
          text="Copy as curl"
          hint="The request for these results"
          onChoose={() => void copyText(curlOf(`jobs/${job.id}/results`), 'Command copied')}
        />
        <MenuButton
          icon="id"
          text="Copy job id"
          hint={job.id}
          onChoose={() => void copyText(job.id, 'Job id copied')}
        />
        <hr />
        {job.errors > 0 && job.state === 'finished' && (
          <MenuButton
            icon="retry"
            text={`Retry ${counted(job.errors, 'failed photo')}`}
            onChoose={post('retry', 'Retrying the failed photos')}
          />
        )}
        {isActive(job) && (
          <MenuButton icon="stop" text="Cancel job" onChoose={post('cancel', 'Job cancelled')} />
        )}
        <MenuButton
          icon="trash"
          text="Delete job"
          isDangerous
          onChoose={() => {
            isConfirming.value = true;
          }}
        />
      </Menu>
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
            This permanently deletes {counted(job.done, 'result')}. The photos themselves are not touched.{' '}
            {isActive(job) && 'Unfinished photos will not be labelled.'}
          </p>
        </ConfirmDialog>
      )}
    </>
  );
}
