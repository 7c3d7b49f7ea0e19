import { useSignal } from '@preact/signals';
import { Icon } from '../controls/icon.tsx';
import { counted } from '../format.ts';
import { isActive } from '../job/job-text.ts';
import { ConfirmDialog } from '../shell/confirm-dialog.tsx';
import type { ListedJob } from './filter-jobs.ts';

interface SelectionBarProps {
  jobs: readonly ListedJob[];
  onDelete(): void;
  onClear(): void;
}

/** What can be done with the selected jobs. */
export function SelectionBar({ jobs, onDelete, onClear }: SelectionBarProps) {
  const isConfirming = useSignal(false);
  const active = jobs.filter((job) => !('unknown' in job) && isActive(job)).length;
  return (
    <div class="selection" role="toolbar" aria-label="Selected jobs">
      <span>{counted(jobs.length, 'job')} selected</span>
      <button type="button" class="quiet" onClick={onClear}>
        Clear
      </button>
      <button
        type="button"
        onClick={() => {
          isConfirming.value = true;
        }}
      >
        <Icon name="trash" />
        Delete
      </button>
      {isConfirming.value && (
        <ConfirmDialog
          title={`Delete ${counted(jobs.length, 'job')}?`}
          action="Delete"
          onConfirm={onDelete}
          onClose={() => {
            isConfirming.value = false;
          }}
        >
          <p>
            This permanently deletes {jobs.length === 1 ? 'its' : 'their'} results. The photos themselves are
            not touched. {active > 0 && `${counted(active, 'unfinished job')} will be cancelled.`}
          </p>
        </ConfirmDialog>
      )}
    </div>
  );
}
