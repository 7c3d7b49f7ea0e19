import type { BigIntStats } from 'node:fs';

/**
 * Bucket of the images that are read where they are: its keys are absolute paths of this machine. Only the embedded cloud
 * has it. S3 has no bucket of this name, and an address `s3://bucket/key` cannot name it.
 */
export const FILES_BUCKET = 'file://';

/** The etag of a file. Programs can set the time of modification to any value, but not that of the last change (ctime). */
export const fileEtag = ({ size, mtimeNs, ctimeNs }: BigIntStats): string => `${size}-${mtimeNs}-${ctimeNs}`;
