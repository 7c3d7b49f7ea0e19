import { useSignal } from '@preact/signals';
import { isWebAddress } from '../../../core/network/web-address.ts';
import { harmless } from '../../../core/text/harmless.ts';
import { counted, number } from '../format.ts';
import { server } from '../service/server.ts';
import { ErrorNotice, Notice } from '../shell/notice.tsx';
import { partsOfAddress } from './address-list.ts';
import { OptionFields } from './option-fields.tsx';
import { addresses, addressFailure, removeAddress, startNamed } from './pasted-addresses.ts';
import { options } from './tray-state.ts';

/** More addresses than this are only counted. */
const MAX_LISTED = 20;

/** Pasted addresses, before their images are submitted. */
export function AddressTray() {
  const isBusy = useSignal(false);
  const all = addresses.value;
  const most = server.value?.limits.namedInputs ?? all.length;
  // Behind one of S3 may be any number of photographs.
  const isCounted = all.every(isWebAddress);

  async function start() {
    isBusy.value = true;
    await startNamed();
    isBusy.value = false;
  }

  return (
    <section class="tray" aria-label="Pasted addresses">
      <div class="tray-head">
        <h2>
          Addresses <span class="muted">· {number(all.length)}</span>
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
          <button
            type="button"
            class="primary"
            disabled={isBusy.value || all.length > most}
            onClick={() => void start()}
          >
            {isCounted ? `Label ${counted(all.length, 'photo')}` : 'Label their photos'}
          </button>
        </div>
      </div>
      {all.length > most && (
        <Notice kind="error">
          One job takes {number(most)} addresses. Remove some, or use the command: imgcls label - &lt;
          addresses.txt
        </Notice>
      )}
      {addressFailure.value !== undefined && <ErrorNotice error={addressFailure.value} />}
      <OptionFields options={options} />
      <ul class="card addresses" aria-label="Addresses to be labelled">
        {all.slice(0, MAX_LISTED).map((address) => (
          <AddressItem key={address} address={address} />
        ))}
        {all.length > MAX_LISTED && <li class="muted">and {number(all.length - MAX_LISTED)} more</li>}
      </ul>
    </section>
  );
}

function AddressItem({ address }: { address: string }) {
  const { host, name } = partsOfAddress(address);
  return (
    <li title={harmless(address)}>
      <span class="address">
        {name} <span class="muted">{host}</span>
      </span>
      <button
        type="button"
        class="quiet"
        aria-label={`Remove ${name}`}
        onClick={() => removeAddress(address)}
      >
        Remove
      </button>
    </li>
  );
}
