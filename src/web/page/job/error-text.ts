/** What is said of an image that failed. Pure. */
import { isWebAddress } from '../../../core/network/web-address.ts';
import type { JobView } from '../../api.ts';
import type { Failed } from './follow/outcomes.ts';

type ErrorCode = Failed['error']['code'];

interface ErrorText {
  /** Fits on a card. */
  short: string;
  /** What a person does before the image is labelled again. Undefined if a retry alone may help. */
  first?: string;
  /** What the person does has another name, so that a retry would not find it. */
  isRenamed?: boolean;
}

const texts: Record<ErrorCode, ErrorText> = {
  not_an_image: { short: 'Not an image', first: 'Replace the file' },
  truncated: { short: 'Damaged', first: 'Restore the file from the camera or a backup' },
  too_large: { short: 'Too large', first: 'Make the image smaller' },
  unsupported_format: { short: 'Not supported', first: 'Convert it to JPEG', isRenamed: true },
  missing: { short: 'Missing', first: 'Put the file back where it was' },
  changed: { short: 'Changed', first: 'Check that it is the right file' },
  unreadable: { short: 'Unreadable', first: 'Check the permissions of the file' },
  model_unavailable: { short: 'No model' },
  worker_crash: { short: 'Crashed' },
  deadline: { short: 'Timed out' },
};

/** What an address gives instead of an image. */
const OF_THE_ADDRESS: readonly ErrorCode[] = ['missing', 'unreadable', 'not_an_image', 'truncated'];

const textOf = (code: ErrorCode): ErrorText => texts[code] ?? { short: 'Error' };

export const shortErrorText = (code: ErrorCode): string => textOf(code).short;

/** Whether a retry reads the files again. Of uploads it has only the bytes that failed. */
export const isReread = ({ inputs = [] }: JobView): boolean => inputs.length > 0;

/** Whether a retry may have another outcome. */
export function canRetryHelp(code: ErrorCode, job: JobView): boolean {
  const { first, isRenamed = false } = textOf(code);
  return first === undefined || (isReread(job) && !isRenamed);
}

/** What to do about the error. */
export function errorAdvice({ name, error: { code } }: Pick<Failed, 'name' | 'error'>, job: JobView): string {
  const first =
    isWebAddress(name) && OF_THE_ADDRESS.includes(code)
      ? 'Open the address in a browser to see what it gives'
      : textOf(code).first;
  if (first === undefined) return 'A retry may help.';
  return `${first}, then ${canRetryHelp(code, job) ? 'retry' : 'label it again'}.`;
}
