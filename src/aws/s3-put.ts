/** Stores an object, optionally on a condition, despite broken connections and concurrent writers. */
import { randomUUID } from 'node:crypto';
import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { Body, ObjectInfo, PutOptions } from '../core/cloud/ports.ts';
import { isTransient, PreconditionFailedError } from '../core/runtime/errors.ts';
import { attemptsOf, hasCode } from './errors.ts';
import { calling, retrying } from './retry.ts';
import { type OutgoingBody, outgoingBody } from './s3-body.ts';
import { causeOf, hasStatus, infoOf, type S3Bucket, uriOf } from './s3-bucket.ts';

/** User metadata with the id of one conditional put: its writer can recognise its own object. */
const WRITE_ID = 'imgcls-write';

export async function putObject(
  bucket: S3Bucket,
  key: string,
  body: Body,
  { only, signal }: PutOptions,
): Promise<ObjectInfo> {
  signal?.throwIfAborted();
  const what = `store ${uriOf(bucket, key)}`;
  const outgoing = await outgoingBody(body, what);
  const writeId = only === undefined ? undefined : randomUUID();
  let requests = 0;
  const put = (): Promise<ObjectInfo> => {
    requests += 1;
    return outgoing.send(signal, (bytes, ended) =>
      calling(what, ended, async (options) => {
        const command = new PutObjectCommand({
          Bucket: bucket.name,
          Key: key,
          Body: bytes,
          ContentLength: outgoing.bytes,
          ...conditionOf(only),
          ...(writeId === undefined ? {} : { Metadata: { [WRITE_ID]: writeId } }),
        });
        const { ETag } = await bucket.client.send(command, options);
        // The response has no time of the write, so our clock gives it.
        const LastModified = new Date(bucket.timing.clock.nowMs());
        return infoOf(bucket, { ETag, ContentLength: outgoing.bytes, LastModified });
      }),
    );
  };
  try {
    return await retrying(bucket.timing, signal, (error) => mayPutAgain(error, outgoing), put);
  } catch (error) {
    if (!isRefused(error, only)) throw error;
    // An earlier attempt may have succeeded although its response was lost. Then the object is ours.
    const triedBefore = requests > 1 || attemptsOf(causeOf(error)) > 1;
    const ours = triedBefore ? await writtenBy(bucket, key, writeId, signal) : undefined;
    if (ours !== undefined) return ours;
    throw new PreconditionFailedError(bucket.name, key, causeOf(error));
  }
}

function conditionOf(only: PutOptions['only']): { IfNoneMatch: '*' } | { IfMatch: string } | undefined {
  if (only === undefined) return undefined;
  return only === 'absent' ? { IfNoneMatch: '*' } : { IfMatch: only.etag };
}

/** The SDK retries bytes, but not streams, and not a put that collided with another one (409). */
const mayPutAgain = (error: unknown, { repeatable }: OutgoingBody): boolean =>
  repeatable ? hasCode(causeOf(error), 'ConditionalRequestConflict') : isTransient(error);

/** S3 answers "no such key" if the version to replace is gone. */
const isRefused = (error: unknown, only: PutOptions['only']): boolean =>
  hasStatus(error, 412) || (typeof only === 'object' && hasCode(causeOf(error), 'NoSuchKey'));

async function writtenBy(
  bucket: S3Bucket,
  key: string,
  writeId: string | undefined,
  signal?: AbortSignal,
): Promise<ObjectInfo | undefined> {
  try {
    const response = await calling(`look up ${uriOf(bucket, key)}`, signal, (options) =>
      bucket.client.send(new HeadObjectCommand({ Bucket: bucket.name, Key: key }), options),
    );
    return response.Metadata?.[WRITE_ID] === writeId ? infoOf(bucket, response) : undefined;
  } catch (error) {
    if (hasStatus(error, 404)) return undefined;
    throw error;
  }
}
