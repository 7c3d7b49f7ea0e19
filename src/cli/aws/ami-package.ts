import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { loadSettings } from '../../app/settings.ts';
import { version } from '../../app/version.ts';
import { createS3Client } from '../../aws/clients.ts';
import { createPresignedFile } from '../../aws/presigned-file.ts';
import type { Cleanup } from '../../core/runtime/cleanup.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import type { PackageSource } from '../../image/user-data.ts';

/** Longer than a builder needs until it downloads the package. */
const URL_SECONDS = 3600;
const SPEC = /^(@[a-z0-9._-]+\/)?[a-z0-9._-]+@[a-z0-9.+~^-]+$/i;

/**
 * The package that the builder installs: a version on npm, or a local file, which stays in a bucket until the clean-up.
 * @throws {ImgclsError} of kind `usage` when it is neither, or no bucket is set.
 */
export async function openPackage(
  { package: named = `imgcls@${version}`, bucket }: { package?: string; bucket?: string },
  cleanup: Cleanup,
): Promise<PackageSource> {
  if (!existsSync(named)) {
    if (SPEC.test(named)) return { spec: named };
    throw new ImgclsError('usage', `${named} is neither a file nor an npm package NAME@VERSION.`, {
      hint: 'To build a file from a clone, run "npm pack".',
    });
  }
  const target = bucket ?? loadSettings({}).settings.outputBucket;
  if (target === undefined)
    throw new ImgclsError('usage', `Cannot pass ${named} to the builder: no bucket is set.`, {
      hint: 'Use --bucket NAME with any bucket of yours in this region. The file is deleted after the build.',
    });
  const client = createS3Client();
  cleanup.add(() => client.destroy());
  const body = await readFile(named);
  const key = `packages/${createHash('sha256').update(body).digest('hex')}.tgz`;
  const presigned = await createPresignedFile(client, body, {
    bucket: target,
    key,
    expiresInSeconds: URL_SECONDS,
  });
  cleanup.add(() => presigned.remove());
  return { url: presigned.url };
}
