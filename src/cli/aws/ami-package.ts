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

/** As long as a builder may take to ask for it. */
const URL_SECONDS = 3600;
const SPEC = /^(@[a-z0-9._-]+\/)?[a-z0-9._-]+@[a-z0-9.+~^-]+$/i;

/**
 * What the builder installs: a version from npm, or a file of this machine, which waits in a bucket until the clean-up.
 * @throws {ImgclsError} of kind `usage` when it is neither, or there is no bucket.
 */
export async function openPackage(
  { package: named = `imgcls@${version}`, bucket }: { package?: string; bucket?: string },
  cleanup: Cleanup,
): Promise<PackageSource> {
  if (!existsSync(named)) {
    if (SPEC.test(named)) return { spec: named };
    throw new ImgclsError('usage', `There is no file ${named}, and it is no NAME@VERSION of npm.`, {
      hint: '"npm pack" makes a file of a clone.',
    });
  }
  const place = bucket ?? loadSettings({}).settings.outputBucket;
  if (place === undefined)
    throw new ImgclsError('usage', `The builder gets ${named} from a bucket, and none is named.`, {
      hint: 'Give --bucket NAME: any bucket of yours in this region; the file stays there for the build only.',
    });
  const client = createS3Client();
  cleanup.add(() => client.destroy());
  const body = await readFile(named);
  const key = `packages/${createHash('sha256').update(body).digest('hex')}.tgz`;
  const presigned = await createPresignedFile(client, body, {
    bucket: place,
    key,
    expiresInSeconds: URL_SECONDS,
  });
  cleanup.add(() => presigned.remove());
  return { url: presigned.url };
}
