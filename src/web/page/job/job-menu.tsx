import { useSignal } from '@preact/signals';
import type { JobView } from '../../api.ts';
import { copyText } from '../controls/copy-text.ts';
import { curlOf } from '../controls/curl.ts';
import { Menu, MenuButton } from '../controls/menu.tsx';
import { counted } from '../format.ts';
import { ConfirmDialog } from '../shell/confirm-dialog.tsx';
import { isActive, wholeName } from './job-text.ts';
import type { JobActions } from './use-job-actions.ts';

interface JobMenuProps {
  job: JobView;
  actions: JobActions;
}

/** Less common actions: those that the job's state allows. */
export function JobMenu({ job, actions }: JobMenuProps) {
  const isConfirming = useSignal(false);
  const name = wholeName(job);
  return (
    <>
      <Menu label="More actions" icon="more">
        <MenuButton
          icon="folder"
          text="Copy name"
          hint={name}
          onChoose={() => void copyText(name, 'Name copied')}
        />
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
        {actions.retry !== undefined && (
          <MenuButton
            icon="retry"
            text={`Retry ${counted(job.errors, 'failed photo')}`}
            onChoose={actions.retry}
          />
        )}
        {isActive(job) && <MenuButton icon="stop" text="Cancel job" onChoose={actions.cancel} />}
        <MenuButton
          icon="trash"
          text="Delete job"
          isDangerous
          onChoose={() => {
            isConfirming.value = true;
          }}
        />
      </Menu>
      {isConfirming.value && (
        <ConfirmDialog
          title="Delete this job?"
          action="Delete"
          onConfirm={actions.remove}
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
