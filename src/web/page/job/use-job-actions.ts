import { type Signal, useSignal } from '@preact/signals';
import type { JobView } from '../../api.ts';
import { showToast } from '../controls/toast.tsx';
import { navigate } from '../location.ts';
import { callService } from '../service/call-service.ts';
import { forgetOriginals } from '../upload/originals.ts';
import type { FollowedJob } from './follow/followed-job.ts';

export interface JobActions {
  /** Why the last action failed. */
  failure: Signal<unknown>;
  /** Undefined if a retry cannot help. */
  retry: (() => void) | undefined;
  cancel(): void;
  remove(): void;
}

/** What can be done with a job. */
export function useJobActions(followed: FollowedJob): JobActions {
  const failure = useSignal<unknown>(undefined);
  const path = `/jobs/${followed.id}`;
  async function act(action: () => Promise<void>) {
    failure.value = undefined;
    await action().catch((error: unknown) => {
      failure.value = error;
    });
  }
  const post = (verb: string, done: string) =>
    void act(async () => {
      followed.update(await callService<JobView>(`${path}/${verb}`, { method: 'POST' }));
      showToast(done);
    });
  return {
    failure,
    retry: followed.canRetry.value ? () => post('retry', 'Retrying the failed photos') : undefined,
    cancel: () => post('cancel', 'Job cancelled'),
    remove: () =>
      void act(async () => {
        await callService(path, { method: 'DELETE' });
        forgetOriginals(followed.id);
        navigate('jobs');
        showToast('Job deleted');
      }),
  };
}
