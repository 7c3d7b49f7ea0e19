/** Signed requests by which a browser stores image bytes in the input bucket itself. */
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { UploadRequest, UploadUrls } from '../core/cloud/ports.ts';
import { imageKey } from '../core/job/keys.ts';
import { createS3Client } from './clients.ts';

import { calling, systemTiming, type Timing } from './retry.ts';

/** S3 looks at it when a request begins: an upload that takes longer is not cut off. */
const EXPIRES_S = 600;

/** What S3 holds the bytes against must be sent as it was signed; as parameters of the address some servers overlook it. */
const SENT = ['x-amz-checksum-sha256', 'x-amz-sdk-checksum-algorithm'];

/** Makes no request but for the credentials. */
export function createUploadUrls(bucket: string, timing: Pick<Timing, 'clock'> = systemTiming): UploadUrls {
  const client = createS3Client();
  async function sign({ sha256, bytes }: { sha256: string; bytes: number }): Promise<UploadRequest> {
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
        unhoistableHeaders: new Set(SENT),
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
