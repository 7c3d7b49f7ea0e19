/** Selects the files that can be submitted, and explains which are skipped. Pure. */
import { IMAGE_ENDINGS, RAW_ENDINGS } from '../../../core/model/image-endings.ts';
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
type SkipReason = 'hidden' | 'no_image' | 'too_large' | 'long_name';

export interface Selection {
  images: ChosenImage[];
  /** A sentence for each reason why files were skipped. */
  skipped: string[];
}

/** Endings of the files that the page takes, in lower case and without the dot. */
export const TAKEN_ENDINGS: readonly string[] = [...IMAGE_ENDINGS, ...RAW_ENDINGS];

const IMAGE_NAME = new RegExp(`\\.(${TAKEN_ENDINGS.join('|')})$`, 'i');
/** For names without such an ending, which phones give their photos. Other types of images cannot be decoded. */
const IMAGE_TYPE = /^image\/(jpeg|png|webp|gif|tiff|avif|hei[cf]|bmp)$/;
/** Names of skipped files that are listed. */
const MAX_LISTED = 3;
const MAX_NAME_BYTES = 1024;
const inOrder = new Intl.Collator('en', { numeric: true }).compare;

/** Selects images by name, type and size, and sorts them by name. Hidden files and folders of the system are skipped. */
export function selectImages(found: readonly ChosenImage[], limits: UploadLimits): Selection {
  const names: Record<SkipReason, string[]> = { hidden: [], no_image: [], too_large: [], long_name: [] };
  const images: ChosenImage[] = [];
  for (const chosen of found) {
    const reason = skipReasonOf(chosen, limits);
    if (reason === undefined) images.push(chosen);
    else names[reason].push(harmless(chosen.name));
  }
  images.sort((one, other) => inOrder(one.name, other.name));
  const texts: Record<SkipReason, (count: number) => string> = {
    hidden: (count) => counted(count, 'hidden or system file'),
    no_image: (count) =>
      count === 1 ? '1 file that is not an image' : `${number(count)} files that are not images`,
    too_large: (count) => `${counted(count, 'file')} larger than ${binaryByteSize(limits.imageBytes)}`,
    long_name: (count) => `${counted(count, 'file')} with a path longer than ${number(MAX_NAME_BYTES)} bytes`,
  };
  const skipped = (Object.keys(names) as SkipReason[])
    .filter((reason) => names[reason].length > 0)
    .map((reason) => `Skipped ${texts[reason](names[reason].length)} (${listed(names[reason])}).`);
  return { images, skipped };
}

function skipReasonOf({ name, file }: ChosenImage, { imageBytes }: UploadLimits): SkipReason | undefined {
  if (whyPathNeverPhotograph(name) !== undefined) return 'hidden';
  if (!IMAGE_NAME.test(name) && !IMAGE_TYPE.test(file.type)) return 'no_image';
  if (file.size > imageBytes) return 'too_large';
  if (new TextEncoder().encode(name).length > MAX_NAME_BYTES) return 'long_name';
  return undefined;
}

function listed(names: readonly string[]): string {
  const first = names.slice(0, MAX_LISTED).join(', ');
  return names.length > MAX_LISTED ? `${first} and ${number(names.length - MAX_LISTED)} more` : first;
}

/** The type of an image by its name, such as `HEIC`, in place of a picture that the browser cannot show. */
export const typeOf = (name: string): string => /\.([a-z0-9]{2,4})$/i.exec(name)?.[1]?.toUpperCase() ?? '';

export const totalBytes = (chosen: readonly ChosenImage[]): number =>
  chosen.reduce((sum, { file }) => sum + file.size, 0);

/** Why the images cannot be one job; undefined if they can. */
export function limitExceeded(
  chosen: readonly ChosenImage[],
  { files, requestBytes }: UploadLimits,
): string | undefined {
  if (chosen.length > files)
    return `You chose ${counted(chosen.length, 'photo')}. A job takes at most ${number(files)}. Remove ${number(chosen.length - files)} and submit them as a second job.`;
  const bytes = totalBytes(chosen);
  if (bytes > requestBytes)
    return `You chose ${binaryByteSize(bytes)} of images. A job takes at most ${binaryByteSize(requestBytes)}. Remove some and submit them as a second job.`;
  return undefined;
}
