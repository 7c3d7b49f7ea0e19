/** Signed requests with which a browser stores images directly in the input bucket. */
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { SignedUpload, UploadUrls } from '../core/cloud/ports.ts';
import { imageKey } from '../core/job/keys.ts';
import { createS3Client } from './clients.ts';
import { calling, systemTiming, type Timing } from './retry.ts';

/** S3 checks it when a request begins: a longer upload is not cut off. */
const EXPIRES_S = 600;

/** The checksum that S3 checks the bytes against. Sent as headers: some servers ignore it in the query string. */
const CHECKSUM_HEADERS = ['x-amz-checksum-sha256', 'x-amz-sdk-checksum-algorithm'];

/** Makes no request except for credentials. */
export function createUploadUrls(bucket: string, timing: Pick<Timing, 'clock'> = systemTiming): UploadUrls {
  const client = createS3Client();
  async function sign({ sha256, bytes }: { sha256: string; bytes: number }): Promise<SignedUpload> {
    const digest = Buffer.from(sha256, 'hex').toString('base64');
    const command = new PutObjectCommand({
      Bucket: bucket,
      Key: imageKey(sha256),
      ContentLength: bytes,
      ChecksumAlgorithm: 'SHA256',
      ChecksumSHA256: digest,
      IfNoneMatch: '*',
    });
    const nowMs = timing.clock.nowMs();
    const url = await calling(`sign an upload to bucket ${bucket}`, undefined, () =>
      getSignedUrl(client, command, {
        expiresIn: EXPIRES_S,
        signingDate: new Date(nowMs),
        unhoistableHeaders: new Set(CHECKSUM_HEADERS),
      }),
    );
    const headers = {
      'if-none-match': '*',
      'x-amz-checksum-sha256': digest,
      'x-amz-sdk-checksum-algorithm': 'SHA256',
    };
    return { url, headers, expiresAtMs: nowMs + 1000 * EXPIRES_S };
  }
  return {
    sign,
    async prefix() {
      const { url } = await sign({ sha256: '0'.repeat(64), bytes: 0 });
      const { origin, pathname } = new URL(url);
      return `${origin}${pathname.slice(0, pathname.lastIndexOf('/images/'))}/images/`;
    },
  };
}
