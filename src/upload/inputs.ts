import type { ImageError } from '../core/model/outcome.ts';

/** One image as its submitter found it. `name` is what its user knows it by; `source` says where it was. */
export type Input = { name: string; source: string } & (
  | { kind: 'file'; path: string }
  | { kind: 'object'; bucket: string; key: string; etag: string; bytes: number }
  | { kind: 'bytes'; bytes: Uint8Array }
  | StoredInput
  | { kind: 'unreadable'; error: ImageError }
);

/** One whose bytes are in the input bucket already. */
export interface StoredInput {
  kind: 'stored';
  bucket: string;
  key: string;
  sha256: string;
  bytes: number;
}

/** Something among the inputs that is not taken, and why. */
export interface Skipped {
  source: string;
  reason: string;
}

/** Endings that a folder's or prefix's files must have when nothing else is asked for. */
export const IMAGE_PATTERN = '**/*.{jpg,jpeg,jpe,jfif,png,webp,gif,tif,tiff,avif,bmp,heic,heif}';

/** Whether an image below a folder or prefix is taken, by its path there. */
export type Accepts = (pathInFolder: string) => boolean;
