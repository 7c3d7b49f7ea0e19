// The code of the controller, as AWS Lambda takes it.

import { createHash } from 'node:crypto';
import { type ZipEntry, zipOf } from './zip.ts';

export interface ControllerCode {
  /** In the bucket of {@link assetsBucketOf}; the parameter ControllerCode. Other code has another key. */
  key: string;
  zip: Buffer;
}

export function controllerCode(files: readonly ZipEntry[]): ControllerCode {
  const zip = zipOf(files);
  return { key: `controller/${createHash('sha256').update(zip).digest('hex')}.zip`, zip };
}

/** The bucket of the account's clusters in a region with what their stacks refer to, as the template names it. */
export const assetsBucketOf = ({ account, region }: { account: string; region: string }): string =>
  `imgcls-assets-${account}-${region}`;
