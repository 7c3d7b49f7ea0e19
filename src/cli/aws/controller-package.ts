// The code of the controller that ships with imgcls, for AWS Lambda.

import { readFile } from 'node:fs/promises';
import { packageFile } from '../../app/package-files.ts';
import type { AssetStore, Caller } from '../../core/aws-account/account.ts';
import { byteSize } from '../../core/text/byte-size.ts';
import { assetsBucketOf, type ControllerCode, controllerCode } from '../../deploy/controller-code.ts';
import { notice } from '../terminal/notice.ts';

const FILES = ['index.mjs', 'THIRD-PARTY-NOTICES.txt'];

export async function readControllerCode(): Promise<ControllerCode> {
  return controllerCode(
    await Promise.all(
      FILES.map(async (name) => ({ name, bytes: await readFile(packageFile(`dist/lambda/${name}`)) })),
    ),
  );
}

/** Puts the code where the stack takes it from. */
export async function storeControllerCode(
  { key, zip }: ControllerCode,
  { account, region }: Caller,
  assets: AssetStore,
): Promise<void> {
  const bucket = assetsBucketOf({ account, region });
  const result = await assets.put({ bucket, key, bytes: zip, owner: account, region });
  if (result === 'stored')
    notice(`Stored the controller's code (${byteSize(zip.length)}) as s3://${bucket}/${key}.`);
}
