/** What the S3 verbs share: which bucket, how its objects are named in errors, what an answer says of an object. */
import type { S3Client } from '@aws-sdk/client-s3';
import type { ObjectInfo } from '../core/cloud/ports.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { statusOf } from './errors.ts';
import type { Timing } from './retry.ts';

export interface S3Bucket {
  client: S3Client;
  name: string;
  timing: Timing;
}

export const uriOf = (bucket: S3Bucket, key: string): string => `s3://${bucket.name}/${key}`;

/** The SDK's error behind one of ours. */
export const causeOf = (error: unknown): unknown => (error instanceof ImgclsError ? error.cause : undefined);

export const hasStatus = (error: unknown, status: number): boolean => statusOf(causeOf(error)) === status;

interface DescribesObject {
  ETag?: string | undefined;
  ContentLength?: number | undefined;
  LastModified?: Date | undefined;
}

/** @throws {ImgclsError} where the answer lacks what every object has: no zero or empty text stands in for it. */
export function infoOf(bucket: S3Bucket, { ETag, ContentLength, LastModified }: DescribesObject): ObjectInfo {
  if (ETag === undefined || ContentLength === undefined || LastModified === undefined) {
    throw new ImgclsError(
      'transient',
      `S3 left something out of its answer for an object of ${bucket.name}.`,
    );
  }
  return { etag: ETag, bytes: ContentLength, modifiedAtMs: LastModified.getTime() };
}
