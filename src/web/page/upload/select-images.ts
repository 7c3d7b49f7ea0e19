/** Selects the files that can be submitted, and explains which are skipped. Pure. */
import { IMAGE_ENDINGS } from '../../../core/model/image-endings.ts';
import { whyPathNeverPhotograph } from '../../../core/model/never-photographs.ts';
import { binaryByteSize } from '../../../core/text/byte-size.ts';
import { harmless } from '../../../core/text/harmless.ts';
import type { ServerView } from '../../api.ts';
import { counted, number } from '../format.ts';

/** A chosen file, with the name that it gets in its job. */
export interface ChosenImage {
  name: string;
  file: File;
}

type UploadLimits = Pick<ServerView['limits'], 'imageBytes' | 'requestBytes' | 'files'>;
type SkipReason = 'no_image' | 'too_large' | 'long_name';

export interface Selection {
  images: ChosenImage[];
  /** A sentence for each reason why files were skipped. */
  skipped: string[];
}

const IMAGE_NAME = new RegExp(`\\.(${IMAGE_ENDINGS.join('|')})$`, 'i');
const MAX_NAME_BYTES = 1024;
const inOrder = new Intl.Collator('en', { numeric: true }).compare;

/** Selects images by name, type and size, and sorts them by name. Hidden files and folders of the system are skipped. */
export function selectImages(found: readonly ChosenImage[], limits: UploadLimits): Selection {
  const names: Record<SkipReason, string[]> = { no_image: [], too_large: [], long_name: [] };
  const images: ChosenImage[] = [];
  for (const chosen of found) {
    const reason = skipReasonOf(chosen, limits);
    if (reason === undefined) images.push(chosen);
    else names[reason].push(harmless(chosen.name));
  }
  images.sort((one, other) => inOrder(one.name, other.name));
  const texts: Record<SkipReason, (count: number) => string> = {
    no_image: (count) => counted(count, 'hidden or non-image file'),
    too_large: (count) => `${counted(count, 'file')} larger than ${binaryByteSize(limits.imageBytes)}`,
    long_name: (count) => `${counted(count, 'file')} with a path longer than ${number(MAX_NAME_BYTES)} bytes`,
  };
  const skipped = (Object.keys(names) as SkipReason[])
    .filter((reason) => names[reason].length > 0)
    .map((reason) => `Skipped ${texts[reason](names[reason].length)} (${listed(names[reason])}).`);
  return { images, skipped };
}

function skipReasonOf({ name, file }: ChosenImage, { imageBytes }: UploadLimits): SkipReason | undefined {
  if (
    whyPathNeverPhotograph(name) !== undefined ||
    !(IMAGE_NAME.test(name) || file.type.startsWith('image/'))
  )
    return 'no_image';
  if (file.size > imageBytes) return 'too_large';
  if (new TextEncoder().encode(name).length > MAX_NAME_BYTES) return 'long_name';
  return undefined;
}

const listed = ([first = '', ...more]: readonly string[]): string =>
  more.length === 0 ? first : `${first} and ${number(more.length)} more`;

export const totalBytes = (chosen: readonly ChosenImage[]): number =>
  chosen.reduce((sum, { file }) => sum + file.size, 0);

/** Why the images cannot be one job; undefined if they can. */
export function limitExceeded(
  chosen: readonly ChosenImage[],
  { files, requestBytes }: UploadLimits,
): string | undefined {
  if (chosen.length > files)
    return `You chose ${counted(chosen.length, 'image')}. A job takes at most ${number(files)}. Remove ${number(chosen.length - files)} and submit them as a second job.`;
  const bytes = totalBytes(chosen);
  if (bytes > requestBytes)
    return `You chose ${binaryByteSize(bytes)} of images. A job takes at most ${binaryByteSize(requestBytes)}. Remove some and submit them as a second job.`;
  return undefined;
}
