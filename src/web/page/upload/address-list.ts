/** Addresses of images in S3 and of the web: which a text has, and which the service takes. Pure. */
import { faultOfAddress, isWebAddress } from '../../../core/network/web-address.ts';
import { harmless } from '../../../core/text/harmless.ts';
import { closestAllowed } from '../../../upload/web/allowed-hosts.ts';
import type { ServerView } from '../../api.ts';
import { baseName } from '../format.ts';

const ADDRESS = /\b(?:s3|https?):\/\/[^\s<>"'`]+/gi;
/** What a sentence or a list has behind an address. */
const BEHIND = /[.,;:!?)\]}]+$/;

/** As the service takes them, however a person or a phone has typed the `https`. */
export const addressesIn = (text: string): string[] =>
  [...text.matchAll(ADDRESS)].map(([address]) =>
    address.replace(BEHIND, '').replace(/^\w+/, (scheme) => scheme.toLowerCase()),
  );

export interface TakenAddresses {
  taken: string[];
  /** A sentence for each reason why others are not taken. */
  refusals: string[];
}

/** Sorts addresses by what the operator of the service allows. */
export function takeAllowed(
  found: readonly string[],
  { allowBuckets, allowUrls }: Pick<ServerView, 'allowBuckets' | 'allowUrls'>,
): TakenAddresses {
  const taken: string[] = [];
  const refusals = new Set<string>();
  for (const address of found) {
    const refusal = isWebAddress(address) ? whyNotFetched(address, allowUrls) : whyNotRead(allowBuckets);
    if (refusal === undefined) taken.push(address);
    else refusals.add(refusal);
  }
  return { taken, refusals: [...refusals] };
}

const whyNotRead = (allowBuckets: readonly string[]): string | undefined =>
  allowBuckets.length > 0
    ? undefined
    : 'This service reads no images from S3. Its operator can allow buckets (--allow-buckets).';

function whyNotFetched(address: string, allowUrls: readonly string[]): string | undefined {
  if (allowUrls.length === 0)
    return 'This service does not fetch web addresses. Its operator can turn that on (--allow-urls).';
  const fault = faultOfAddress(address);
  if (fault !== undefined) return `Skipped ${harmless(address)}: it ${fault}.`;
  const url = new URL(address);
  return closestAllowed(url, allowUrls) === undefined
    ? `This service may not fetch from ${url.host}. Its operator can allow it (--allow-urls).`
    : undefined;
}

/** An address in two parts: where the image is, and what it is called. */
export function partsOfAddress(address: string): { host: string; name: string } {
  const [, host = ''] = /^\w+:\/\/([^/]+)/.exec(address) ?? [];
  return { host: harmless(host), name: harmless(baseName(address)) };
}
