import { signal } from '@preact/signals';
import { jobPath } from '../address.ts';
import { navigate } from '../location.ts';
import { serverLoaded } from '../service/server.ts';
import { submitNamed } from '../service/submit-named.ts';
import { addressesIn } from './address-list.ts';
import { failure, options, skipped } from './tray-state.ts';

/** Pasted `s3://` addresses, to be labelled. */
export const addresses = signal<readonly string[]>([]);

/** Takes a list of addresses of images, and shows it on the start page. Other texts are ignored. */
export async function pasteText(text: string): Promise<void> {
  const pasted = addressesIn(text);
  if (pasted === undefined) return;
  const { allowBuckets } = await serverLoaded();
  const isAllowed = allowBuckets.length > 0;
  if (isAllowed) addresses.value = [...new Set([...addresses.value, ...pasted.s3])];
  const refusals = [
    pasted.web.length > 0 && 'Web addresses cannot be labelled. Download the images, then drop them here.',
    pasted.s3.length > 0 &&
      !isAllowed &&
      'This service reads no images from S3. Its operator can allow buckets (--allow-buckets).',
  ];
  skipped.value = refusals.filter((refusal) => refusal !== false);
  navigate('./');
}

/** Submits the addresses as a job, and shows it. */
export async function startNamed(): Promise<void> {
  try {
    const { topK, model, labels } = options.value;
    const { id } = await submitNamed({
      inputs: [...addresses.value],
      ...(topK !== undefined && { topK }),
      ...(model !== undefined && { model }),
      ...(labels !== undefined && { labels: labels.split(',') }),
    });
    addresses.value = [];
    failure.value = undefined;
    navigate(jobPath(id));
  } catch (error) {
    failure.value = error;
  }
}
