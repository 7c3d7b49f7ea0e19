/** Deletes objects in batches of a thousand. */
import { DeleteObjectCommand, DeleteObjectsCommand, type ObjectIdentifier } from '@aws-sdk/client-s3';
import { awsError, isTransientCode } from './errors.ts';
import { calling, MAX_RETRIES, waitToRetry } from './retry.ts';
import type { S3Bucket } from './s3-bucket.ts';

/** The limit of DeleteObjects. */
const MAX_DELETE = 1_000;
/** Characters that are allowed in a key but not in XML: such objects are deleted one by one. */
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

export const deleteObjects = (
  bucket: S3Bucket,
  keys: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> =>
  deleteVersions(
    bucket,
    keys.map((Key) => ({ Key })),
    signal,
  );

/** Deletes the named versions, or objects where no version is named. Missing ones count as deleted. */
export async function deleteVersions(
  bucket: S3Bucket,
  objects: readonly ObjectIdentifier[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const plain = objects.filter(({ Key = '' }) => !NOT_XML.test(Key));
  for (let at = 0; at < plain.length; at += MAX_DELETE) {
    await deletePage(bucket, plain.slice(at, at + MAX_DELETE), signal);
  }
  for (const odd of objects.filter(({ Key = '' }) => NOT_XML.test(Key))) {
    await calling(`delete an object of bucket ${bucket.name}`, signal, (options) =>
      bucket.client.send(new DeleteObjectCommand({ Bucket: bucket.name, ...odd }), options),
    );
  }
}

/** S3 answers 200 even if it deleted only some objects. Those with a transient error are retried. */
async function deletePage(
  { client, name, timing }: S3Bucket,
  objects: readonly ObjectIdentifier[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const what = `delete objects of bucket ${name}`;
  let pending = objects;
  for (let retry = 0; ; retry++) {
    const { Errors: errors = [] } = await calling(what, signal, (options) =>
      client.send(
        new DeleteObjectsCommand({
          Bucket: name,
          Delete: { Quiet: true, Objects: [...pending] },
        }),
        options,
      ),
    );
    const failed = errors.filter(({ Code }) => Code !== 'NoSuchKey' && Code !== 'NoSuchVersion');
    const [first] = failed;
    if (first === undefined) return;
    const permanent = failed.find(({ Code }) => !isTransientCode(Code));
    if (permanent !== undefined || retry >= MAX_RETRIES) {
      const { Key, Code, Message } = permanent ?? first;
      const error = Object.assign(new Error(Message ?? Code), { Code });
      throw awsError(error, `${what} (${failed.length} of ${objects.length}, the first ${Key})`);
    }
    pending = failed.flatMap(({ Key, VersionId }) =>
      Key === undefined ? [] : [{ Key, ...(VersionId !== undefined && { VersionId }) }],
    );
    await waitToRetry(timing, retry, signal);
  }
}
