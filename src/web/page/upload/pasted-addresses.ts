import { computed, signal } from '@preact/signals';
import { jobPath } from '../address.ts';
import { navigate } from '../location.ts';
import { server, serverLoaded } from '../service/server.ts';
import { submitNamed } from '../service/submit-named.ts';
import { addressesIn, takeAllowed } from './address-list.ts';
import { options, skipped } from './tray-state.ts';

/** Addresses of images in S3 and of the web, to be labelled. */
export const addresses = signal<readonly string[]>([]);
/** Why they could not be submitted. */
export const addressFailure = signal<unknown>(undefined);

/** Whether the service takes any. */
export const takesAddresses = computed(() => {
  const { allowBuckets = [], allowUrls = [] } = server.value ?? {};
  return allowBuckets.length + allowUrls.length > 0;
});

/** Takes the addresses of images in a text, and shows them on the start page. Texts without any are ignored. */
export async function addAddresses(text: string): Promise<void> {
  const found = addressesIn(text);
  if (found.length === 0) return;
  const { taken, refusals } = takeAllowed(found, await serverLoaded());
  addresses.value = [...new Set([...addresses.value, ...taken])];
  addressFailure.value = undefined;
  skipped.value = refusals;
  navigate('./');
}

export function removeAddress(address: string): void {
  addresses.value = addresses.value.filter((other) => other !== address);
}

/** Submits the addresses as a job, and shows it. Those that are added meanwhile wait for the next job. */
export async function startNamed(): Promise<void> {
  const inputs = addresses.value;
  addressFailure.value = undefined;
  try {
    const { topK, model, labels } = options.value;
    const { id } = await submitNamed({
      inputs: [...inputs],
      ...(topK !== undefined && { topK }),
      ...(model !== undefined && { model }),
      ...(labels !== undefined && { labels: labels.split(',') }),
    });
    addresses.value = addresses.value.filter((address) => !inputs.includes(address));
    navigate(jobPath(id));
  } catch (error) {
    addressFailure.value = error;
  }
}
