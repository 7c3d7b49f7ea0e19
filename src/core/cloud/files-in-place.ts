/**
 * Bucket of the images that are read where they are: its keys are absolute paths of this machine. Only the embedded cloud
 * has it. S3 has no bucket of this name, and an address `s3://bucket/key` cannot name it.
 */
export const FILES_BUCKET = 'file://';

/** The etag of a file. Programs can set the time of modification to any value, but not that of the last change (ctime). */
export const fileEtag = ({
  size,
  mtimeNs,
  ctimeNs,
}: Record<'size' | 'mtimeNs' | 'ctimeNs', bigint>): string => `${size}-${mtimeNs}-${ctimeNs}`;

/** The size of a file that has this etag; undefined for other texts. */
export function sizeInEtag(etag: string): number | undefined {
  const [, digits] = /^(\d{1,15})-\d+-\d+$/.exec(etag) ?? [];
  return digits === undefined ? undefined : Number(digits);
}
