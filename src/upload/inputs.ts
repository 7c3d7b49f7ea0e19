import { IMAGE_ENDINGS } from '../core/model/image-endings.ts';
import type { ImageError } from '../core/model/outcome.ts';

/** The path of a file: in bytes if its name is not UTF-8. */
export type FilePath = string | Buffer;

/** One image as its submitter found it. `name` is its name for users; `source` is its path or address. */
export type Input = { name: string; source: string } & (
  | { kind: 'file'; path: FilePath }
  | InBucket
  | { kind: 'url'; url: string }
  | { kind: 'bytes'; bytes: Uint8Array }
  | StoredInput
  | { kind: 'unreadable'; error: ImageError }
);

interface InBucket {
  kind: 'object';
  bucket: string;
  key: string;
  etag: string;
  bytes: number;
}

/** An image that is read from its bucket. */
export type ObjectInput = Extract<Input, { kind: 'object' }>;

/** An image whose bytes are already in the input bucket. */
export interface StoredInput {
  kind: 'stored';
  bucket: string;
  key: string;
  sha256: string;
  bytes: number;
}

/** An input that was skipped, and why. */
export interface Skipped {
  /** Its path or address. */
  source: string;
  /** For people. */
  reason: string;
}

/** Files of a folder or prefix that are taken without --include. */
export const IMAGE_PATTERN = `**/*.{${IMAGE_ENDINGS.join()}}`;

/** Whether a file below a folder or prefix is taken, by its path in it. */
export type Accepts = (pathInFolder: string) => boolean;
