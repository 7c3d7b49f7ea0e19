import { useSignal } from '@preact/signals';
import type { JobView, StatusBody } from '../../api.ts';
import { callService } from '../service/call-service.ts';
import { usePolling } from '../shell/use-polling.ts';

const POLL_INTERVAL_MS = 2000;

/** What an image waits for before the first one is done, if it is known. */
export function useStartText(job: JobView | undefined): string | undefined {
  const text = useSignal<string | undefined>(undefined);
  const isWaiting = job?.state === 'sealed' && job.done === 0;
  usePolling(async (signal) => {
    if (!isWaiting) return;
    const status = await callService<StatusBody>('/status', { signal }).catch(() => undefined);
    text.value = status === undefined ? undefined : startText(status);
  }, POLL_INTERVAL_MS);
  return isWaiting ? text.value : undefined;
}

function startText({ workers }: StatusBody): string | undefined {
  if ('unknown' in workers) return undefined;
  if (workers.some(({ phase }) => phase === 'busy' || phase === 'idle')) return 'Waiting for its turn';
  return workers.some(({ phase }) => phase === 'booting')
    ? 'A worker loads the model'
    : 'Waiting for a worker';
}
