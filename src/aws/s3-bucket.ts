/** Shared by the calls of S3: the bucket, names of its objects in errors, and fields of responses. */
import type { S3Client } from '@aws-sdk/client-s3';
import type { ObjectInfo } from '../core/cloud/ports.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { lacks, statusOf } from './errors.ts';
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

/** A key in a list. Its special characters are URL-encoded only if the response says so: some servers never encode. */
export const keyIn = ({ EncodingType }: { EncodingType?: string | undefined }, key: string): string =>
  EncodingType === 'url' ? decodeURIComponent(key.replaceAll('+', ' ')) : key;

interface DescribesObject {
  ETag?: string | undefined;
  ContentLength?: number | undefined;
  LastModified?: Date | undefined;
}

/** @throws {ImgclsError} if the response lacks a field that every object has: a missing value is not zero. */
export function infoOf(bucket: S3Bucket, { ETag, ContentLength, LastModified }: DescribesObject): ObjectInfo {
  const response = `S3's response for an object in bucket ${bucket.name}`;
  if (ETag === undefined) throw lacks(response, 'the ETag');
  if (ContentLength === undefined) throw lacks(response, 'the size');
  if (LastModified === undefined) throw lacks(response, 'the time of its last change');
  return { etag: ETag, bytes: ContentLength, modifiedAtMs: LastModified.getTime() };
}
