import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { calling } from './retry.ts';

/** A file that a reader without permissions can download for a limited time. */
export interface PresignedFile {
  url: string;
  remove(): Promise<void>;
}

export interface PresignOptions {
  bucket: string;
  key: string;
  expiresInSeconds: number;
}

/** Puts a file into a bucket and signs a URL for it. @throws {ImgclsError} */
export async function createPresignedFile(
  client: S3Client,
  body: Uint8Array,
  { bucket, key, expiresInSeconds }: PresignOptions,
): Promise<PresignedFile> {
  const object = { Bucket: bucket, Key: key };
  await calling(`store s3://${bucket}/${key} (s3:PutObject)`, undefined, () =>
    client.send(new PutObjectCommand({ ...object, Body: body })),
  );
  return {
    url: await getSignedUrl(client, new GetObjectCommand(object), { expiresIn: expiresInSeconds }),
    async remove() {
      await calling(`delete s3://${bucket}/${key} (s3:DeleteObject)`, undefined, () =>
        client.send(new DeleteObjectCommand(object)),
      );
    },
  };
}
