// How a person names a model of the Hugging Face Hub: hf:OWNER/NAME[@REVISION][#PRECISION].

import { ImgclsError } from '../../core/runtime/errors.ts';

export interface HubReference {
  /** `OWNER/NAME`. */
  repository: string;
  /** A branch, a tag or a commit. */
  revision: string;
  /** As the Hub names it, such as `q8`. */
  precision: string | undefined;
}

const PREFIX = 'hf:';
const DEFAULT_REVISION = 'main';
const PART = String.raw`[A-Za-z0-9][\w.-]{0,95}`;
const REFERENCE = new RegExp(`^(${PART}/${PART})(?:@([\\w][\\w./-]{0,199}))?(?:#([a-z0-9_]{1,20}))?$`);

export const isHubReference = (text: string): boolean => text.startsWith(PREFIX);

/** @throws {ImgclsError} of kind `usage`. */
export function parseHubReference(text: string): HubReference {
  const [, repository, revision = DEFAULT_REVISION, precision] =
    REFERENCE.exec(text.slice(PREFIX.length)) ?? [];
  if (repository === undefined)
    throw new ImgclsError('usage', `"${text}" is not the name of a model of the Hugging Face Hub.`, {
      hint: 'Write hf:OWNER/NAME, with @REVISION (a branch, tag or commit) and #PRECISION (fp32, q8) if needed.',
    });
  return { repository, revision, precision };
}
