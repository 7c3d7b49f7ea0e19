/** Deleting by the thousand. */
import { DeleteObjectCommand, DeleteObjectsCommand, type ObjectIdentifier } from '@aws-sdk/client-s3';
import { awsError, isTransientCode } from './errors.ts';
import { calling, MAX_RETRIES, waitToRetry } from './retry.ts';
import type { S3Bucket } from './s3-bucket.ts';

/** What DeleteObjects takes. */
const MAX_DELETE = 1_000;
/** Characters that a key may have and a list in XML may not: an object with one is deleted by itself. */
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

/** Versions where they are named, else objects; those that are not there count as deleted. */
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

/** S3 answers 200 though it deleted only some; those that failed for a reason of its own are asked for again. */
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
    const lasting = failed.find(({ Code }) => !isTransientCode(Code));
    if (lasting !== undefined || retry >= MAX_RETRIES) {
      const { Key, Code, Message } = lasting ?? first;
      const error = Object.assign(new Error(Message ?? Code), { Code });
      throw awsError(error, `${what} (${failed.length} of ${objects.length}, the first ${Key})`);
    }
    pending = failed.flatMap(({ Key, VersionId }) =>
      Key === undefined ? [] : [{ Key, ...(VersionId !== undefined && { VersionId }) }],
    );
    await waitToRetry(timing, retry, signal);
  }
}
