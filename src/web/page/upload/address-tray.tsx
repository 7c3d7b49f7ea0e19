import { useSignal } from '@preact/signals';
import { harmless } from '../../../core/text/harmless.ts';
import { number } from '../format.ts';
import { OptionFields } from './option-fields.tsx';
import { addresses, startNamed } from './pasted-addresses.ts';
import { options } from './tray-state.ts';

/** More addresses than this are only counted. */
const MAX_LISTED = 20;

/** Pasted addresses in S3, before their images are submitted. */
export function AddressTray() {
  const isBusy = useSignal(false);
  const all = addresses.value;

  async function start() {
    isBusy.value = true;
    await startNamed();
    isBusy.value = false;
  }

  return (
    <section class="tray" aria-label="Addresses in S3">
      <div class="tray-head">
        <h2>
          S3 addresses <span class="muted">· {number(all.length)}</span>
        </h2>
        <div class="buttons">
          <button
            type="button"
            onClick={() => {
              addresses.value = [];
            }}
          >
            Clear
          </button>
          <button type="button" class="primary" disabled={isBusy.value} onClick={() => void start()}>
            Label their photos
          </button>
        </div>
      </div>
      <OptionFields options={options} />
      <ul class="card addresses">
        {all.slice(0, MAX_LISTED).map((address) => (
          <li key={address}>
            <code>{harmless(address)}</code>
          </li>
        ))}
        {all.length > MAX_LISTED && <li class="muted">and {number(all.length - MAX_LISTED)} more</li>}
      </ul>
    </section>
  );
}
