/** What of the files that a user chose can be submitted, and what to say of the rest. Pure. */

import { binaryByteSize } from '../../../core/text/byte-size.ts';
import type { ServerView } from '../../api.ts';
import { counted, number } from '../format.ts';

/** A file that shall be submitted, by the name it will have in its job. */
export interface Chosen {
  name: string;
  file: File;
}

type UploadLimits = Pick<ServerView['limits'], 'imageBytes' | 'requestBytes' | 'files'>;
type Reason = 'no_image' | 'too_large' | 'long_name';

export interface Sifted {
  taken: Chosen[];
  /** A sentence for each reason why something was left out. */
  leftOut: string[];
}

const IMAGE_NAME = /\.(jpe?g|jpe|jfif|png|webp|gif|tiff?|avif|bmp|dib)$/i;
const MOST_NAME_BYTES = 1024;
const inOrder = new Intl.Collator('en', { numeric: true }).compare;

/** Takes what has an image's name and size, by name; hidden files are no images of anybody's. */
export function sift(found: readonly Chosen[], limits: UploadLimits): Sifted {
  const left: Record<Reason, string[]> = { no_image: [], too_large: [], long_name: [] };
  const taken: Chosen[] = [];
  for (const chosen of found) {
    const reason = reasonAgainst(chosen, limits);
    if (reason === undefined) taken.push(chosen);
    else left[reason].push(chosen.name);
  }
  taken.sort((one, other) => inOrder(one.name, other.name));
  const words: Record<Reason, string> = {
    no_image: 'no image by its name',
    too_large: `larger than ${binaryByteSize(limits.imageBytes)}, which is the most the service takes`,
    long_name: 'its path is too long',
  };
  const leftOut = (Object.keys(left) as Reason[])
    .filter((reason) => left[reason].length > 0)
    .map((reason) => `Left out ${named(left[reason])}: ${words[reason]}.`);
  return { taken, leftOut };
}

function reasonAgainst({ name, file }: Chosen, { imageBytes }: UploadLimits): Reason | undefined {
  const isHidden = name.split('/').some((part) => part.startsWith('.'));
  if (isHidden || !(IMAGE_NAME.test(name) || file.type.startsWith('image/'))) return 'no_image';
  if (file.size > imageBytes) return 'too_large';
  if (new TextEncoder().encode(name).length > MOST_NAME_BYTES) return 'long_name';
  return undefined;
}

const named = ([first = '', ...more]: readonly string[]): string =>
  more.length === 0 ? first : `${first} and ${number(more.length)} more`;

export const totalBytes = (chosen: readonly Chosen[]): number =>
  chosen.reduce((sum, { file }) => sum + file.size, 0);

/** What keeps all of them from going in one upload. */
export function tooMuch(
  chosen: readonly Chosen[],
  { files, requestBytes }: UploadLimits,
): string | undefined {
  if (chosen.length > files)
    return `These are ${counted(chosen.length, 'image')}; the service takes ${number(files)} in one job. Remove ${number(chosen.length - files)} and submit them as a second job.`;
  const bytes = totalBytes(chosen);
  if (bytes > requestBytes)
    return `Together these are ${binaryByteSize(bytes)}; the service takes ${binaryByteSize(requestBytes)} in one job. Remove some and submit them as a second job.`;
  return undefined;
}
