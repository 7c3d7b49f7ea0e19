// The package that a builder installs: this installation, packed as it is.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { packageFile } from '../../app/package-files.ts';
import type { AssetStore, Caller } from '../../core/aws-account/account.ts';
import { ImgclsError, messageOf } from '../../core/runtime/errors.ts';
import { byteSize } from '../../core/text/byte-size.ts';
import { assetsBucketOf } from '../../deploy/controller-code.ts';
import type { PackageSource } from '../../image/user-data.ts';
import { notice } from '../terminal/notice.ts';

/** Longer than a builder needs until it downloads the package. */
const URL_SECONDS = 3600;

/**
 * Stores the package in the account's bucket of assets, under its digest, and signs an address for the builder.
 * @param file a package to use instead of this installation.
 * @throws {ImgclsError} when there is nothing to pack, or no npm to pack it.
 */
export async function storePackage(
  file: string | undefined,
  { account, region }: Caller,
  assets: AssetStore,
): Promise<PackageSource> {
  const bytes = file === undefined ? await packInstallation() : await readPackage(file);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const object = { bucket: assetsBucketOf({ account, region }), key: `packages/${sha256}.tgz` };
  const result = await assets.put({ ...object, bytes, owner: account, region });
  if (result === 'stored')
    notice(`Stored this imgcls (${byteSize(bytes.length)}) as s3://${object.bucket}/${object.key}.`);
  return { sha256, url: await assets.url({ ...object, expiresInSeconds: URL_SECONDS }) };
}

async function readPackage(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new ImgclsError('usage', `Cannot read the package: ${messageOf(cause)}`, {
      hint: 'Without --package, "imgcls ami build" packs this installation.',
      cause,
    });
  }
}

async function packInstallation(): Promise<Buffer> {
  if (!existsSync(packageFile('dist/npm-shrinkwrap.json')))
    throw new ImgclsError('usage', 'This clone is not built.', { hint: 'Run "npm run build".' });
  const folder = await mkdtemp(path.join(tmpdir(), 'imgcls-package-'));
  try {
    const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
    const { stdout } = await promisify(execFile)('npm', pack, { cwd: packageFile('') });
    const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
    return await readFile(path.join(folder, filename));
  } catch (cause) {
    throw new ImgclsError('permanent', `Cannot pack this imgcls with npm: ${messageOf(cause)}`, {
      hint: 'Install npm, or name a package made by "npm pack" with --package.',
      cause,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
