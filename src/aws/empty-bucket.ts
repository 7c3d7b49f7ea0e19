/** Counting, emptying and deleting buckets. */
import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  DeleteBucketCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  type ObjectIdentifier,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { Buckets } from '../core/aws-account/account.ts';
import { hasCode } from './errors.ts';
import { calling, systemTiming } from './retry.ts';
import { causeOf, keyIn } from './s3-bucket.ts';
import { deleteVersions } from './s3-delete.ts';

/** Pages of a thousand versions that are deleted at once: S3 takes 3,500 a second below a prefix, and a page a third of one. */
const PAGES_AT_ONCE = 3;

export function createBuckets(client: S3Client): Buckets {
  return {
    async count(name, most) {
      let count = 0;
      try {
        for await (const versions of versionsOf(client, name)) {
          count += versions.length;
          if (count >= most) break;
        }
      } catch (error) {
        if (isGone(error)) return undefined;
        throw error;
      }
      return Math.min(count, most);
    },
    async empty(name, onProgress, signal) {
      const bucket = { client, name, timing: systemTiming };
      let deleted = 0;
      try {
        await Readable.from(versionsOf(client, name, signal))
          .map(
            async (versions: ObjectIdentifier[]) => {
              await deleteVersions(bucket, versions, signal);
              deleted += versions.length;
              onProgress(deleted);
            },
            { concurrency: PAGES_AT_ONCE },
          )
          .toArray();
        await abortUploads(client, name, signal);
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    },
    async remove(name) {
      try {
        await calling(`delete bucket ${name} (s3:DeleteBucket)`, undefined, () =>
          client.send(new DeleteBucketCommand({ Bucket: name })),
        );
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    },
  };
}

const isGone = (error: unknown): boolean => hasCode(causeOf(error), 'NoSuchBucket');

/** Every version of every object and every delete marker, page by page. */
async function* versionsOf(
  client: S3Client,
  name: string,
  signal?: AbortSignal,
): AsyncGenerator<ObjectIdentifier[]> {
  let from: { KeyMarker?: string; VersionIdMarker?: string } | undefined = {};
  while (from !== undefined) {
    const command = new ListObjectVersionsCommand({ Bucket: name, EncodingType: 'url', ...from });
    const page: ListObjectVersionsCommandOutput = await calling(
      `list the versions in ${name} (s3:ListBucketVersions)`,
      signal,
      (options) => client.send(command, options),
    );
    const { Versions = [], DeleteMarkers = [], NextKeyMarker, NextVersionIdMarker } = page;
    yield [...Versions, ...DeleteMarkers].flatMap(({ Key, VersionId }) =>
      Key === undefined ? [] : [{ Key: keyIn(page, Key), ...(VersionId !== undefined && { VersionId }) }],
    );
    from =
      page.IsTruncated === true
        ? {
            ...(NextKeyMarker !== undefined && { KeyMarker: keyIn(page, NextKeyMarker) }),
            ...(NextVersionIdMarker !== undefined && { VersionIdMarker: NextVersionIdMarker }),
          }
        : undefined;
  }
}

/** Parts of unfinished uploads appear in no list of objects. */
async function abortUploads(client: S3Client, name: string, signal: AbortSignal | undefined): Promise<void> {
  const what = `abort unfinished uploads in ${name} (s3:AbortMultipartUpload)`;
  let from: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {};
  while (from !== undefined) {
    const command = new ListMultipartUploadsCommand({ Bucket: name, EncodingType: 'url', ...from });
    const page: ListMultipartUploadsCommandOutput = await calling(what, signal, (options) =>
      client.send(command, options),
    );
    for (const { Key = '', UploadId } of page.Uploads ?? [])
      await calling(what, signal, (options) =>
        client.send(
          new AbortMultipartUploadCommand({ Bucket: name, Key: keyIn(page, Key), UploadId }),
          options,
        ),
      );
    const { NextKeyMarker, NextUploadIdMarker } = page;
    from =
      page.IsTruncated === true
        ? {
            ...(NextKeyMarker !== undefined && { KeyMarker: keyIn(page, NextKeyMarker) }),
            ...(NextUploadIdMarker !== undefined && { UploadIdMarker: NextUploadIdMarker }),
          }
        : undefined;
  }
}
