/** The bucket with what the stacks of an account refer to. */
import { createHash } from 'node:crypto';
import {
  CreateBucketCommand,
  type CreateBucketCommandInput,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { AssetStore } from '../core/aws-account/account.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { hasCode, statusOf } from './errors.ts';
import { calling } from './retry.ts';
import { causeOf } from './s3-bucket.ts';

/** Where S3 is asked to create a bucket without naming a region. */
const DEFAULT_REGION = 'us-east-1';

/**
 * Bucket names are global and this one can be guessed: every request names the account that must own the bucket, so that
 * a bucket of another account cannot take its place.
 */
export function createAssetStore(client: S3Client): AssetStore {
  return {
    async put({ bucket, key, bytes, owner, region }) {
      await createIfMissing(client, { bucket, owner, region });
      const object = { Bucket: bucket, Key: key, ExpectedBucketOwner: owner };
      const sha256 = createHash('sha256').update(bytes).digest('base64');
      const put = new PutObjectCommand({
        ...object,
        Body: bytes,
        ChecksumAlgorithm: 'SHA256',
        ChecksumSHA256: sha256,
        IfNoneMatch: '*',
      });
      try {
        await calling(`store s3://${bucket}/${key} (s3:PutObject)`, undefined, () => client.send(put));
        return 'stored';
      } catch (error) {
        if (!hasCode(causeOf(error), 'PreconditionFailed')) throw error;
      }
      const head = new HeadObjectCommand({ ...object, ChecksumMode: 'ENABLED' });
      const found = await calling(`read s3://${bucket}/${key} (s3:GetObject)`, undefined, () =>
        client.send(head),
      );
      if (found.ChecksumSHA256 === sha256) return 'was there';
      throw new ImgclsError('permanent', `s3://${bucket}/${key} is not what its name says.`, {
        hint: 'Somebody has replaced it. Find out who, delete it, and run the command again.',
      });
    },
    url: ({ bucket, key, expiresInSeconds }) =>
      getSignedUrl(client, new GetObjectCommand({ Bucket: bucket, Key: key }), {
        expiresIn: expiresInSeconds,
      }),
  };
}

async function createIfMissing(
  client: S3Client,
  { bucket, owner, region }: { bucket: string; owner: string; region: string },
): Promise<void> {
  try {
    await calling(`reach bucket ${bucket} (s3:ListBucket)`, undefined, () =>
      client.send(new HeadBucketCommand({ Bucket: bucket, ExpectedBucketOwner: owner })),
    );
  } catch (error) {
    if (statusOf(causeOf(error)) !== 404) throw error;
    const request: CreateBucketCommandInput = { Bucket: bucket };
    if (region !== DEFAULT_REGION)
      request.CreateBucketConfiguration = {
        LocationConstraint: region as NonNullable<
          CreateBucketCommandInput['CreateBucketConfiguration']
        >['LocationConstraint'],
      };
    await calling(`create bucket ${bucket} (s3:CreateBucket)`, undefined, () =>
      client.send(new CreateBucketCommand(request)),
    );
  }
}
