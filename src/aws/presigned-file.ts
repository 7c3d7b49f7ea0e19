import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { calling } from './retry.ts';

/** A file that others may read for a while, who have no permission of their own. */
export interface PresignedFile {
  url: string;
  takeBack(): Promise<void>;
}

export interface PresignOptions {
  bucket: string;
  key: string;
  forSeconds: number;
}

/** Puts a file into a bucket and signs an address for it. @throws {ImgclsError} */
export async function createPresignedFile(
  client: S3Client,
  body: Uint8Array,
  { bucket, key, forSeconds }: PresignOptions,
): Promise<PresignedFile> {
  const place = { Bucket: bucket, Key: key };
  await calling(`store s3://${bucket}/${key} (s3:PutObject)`, undefined, () =>
    client.send(new PutObjectCommand({ ...place, Body: body })),
  );
  return {
    url: await getSignedUrl(client, new GetObjectCommand(place), { expiresIn: forSeconds }),
    async takeBack() {
      await calling(`delete s3://${bucket}/${key} (s3:DeleteObject)`, undefined, () =>
        client.send(new DeleteObjectCommand(place)),
      );
    },
  };
}
