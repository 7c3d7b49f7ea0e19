import { useSignal } from '@preact/signals';
import type { JobView } from '../../api.ts';
import { jobPath } from '../address.ts';
import { navigate } from '../location.ts';
import { callService } from '../service/call-service.ts';
import { Thumbnail } from '../shell/thumbnail.tsx';
import { SHOWN_SAMPLES } from './shown-samples.ts';
import { failure } from './tray-state.ts';

/** Labels the samples of the service, for a first try. The first time it shows some of them. */
export function Samples({ isFirstTime }: { isFirstTime: boolean }) {
  const isBusy = useSignal(false);
  async function start() {
    isBusy.value = true;
    try {
      const { id } = await callService<JobView>('/samples', { method: 'POST' });
      failure.value = undefined;
      navigate(jobPath(id));
    } catch (error) {
      failure.value = error;
    }
    isBusy.value = false;
  }
  return (
    <section class="samples" aria-label="Samples">
      {isFirstTime && (
        <div class="sample-pictures" aria-hidden="true">
          {SHOWN_SAMPLES.map((name) => (
            <Thumbnail key={name} address={`samples/${name}`} />
          ))}
        </div>
      )}
      <p>
        No photos at hand?{' '}
        <button type="button" disabled={isBusy.value} onClick={() => void start()}>
          Try it with samples
        </button>
      </p>
    </section>
  );
}
