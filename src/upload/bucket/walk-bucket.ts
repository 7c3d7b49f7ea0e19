// The images of a bucket: listed below a prefix, or named by an inventory.
import type { Store } from '../../core/cloud/ports.ts';
import { whyPathNeverPhotograph } from '../../core/model/never-photographs.ts';
import type { Input, Skipped } from '../inputs.ts';
import type { ReadTools } from '../retry-shortage.ts';
import { accepts, type S3Address } from '../select.ts';
import { type InventoryInfo, readInventory, readInventoryObjects } from './inventory.ts';
import { listAhead } from './list-ahead.ts';

export interface WalkBucketOptions extends ReadTools {
  include: readonly string[];
  exclude: readonly string[];
  /** A bucket of `s3://` inputs. */
  bucket(name: string): Store;
  /** Called with everything that is skipped. */
  onSkip(skipped: Skipped): void;
  /** Called with each inventory, before its objects are read. */
  onInventory?(inventory: InventoryInfo): void;
  /** Why a key is skipped by its name. */
  otherName: string;
  /** Whether no other input is walked: then images are named by their path below the prefix. */
  isOnly: boolean;
}

/** The images below `s3://bucket/prefix`. */
export function walkPrefix({ bucket, prefix }: S3Address, options: WalkBucketOptions): AsyncGenerator<Input> {
  const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  const objects = listAhead(options.bucket(bucket), prefix, options.signal);
  return imagesAmong(objects, { bucket, folder, named: prefix }, options);
}

/** The images that an inventory lists, given the address of its manifest. */
export async function* walkInventory(
  { bucket, prefix: key }: S3Address,
  options: WalkBucketOptions,
): AsyncGenerator<Input> {
  const store = options.bucket(bucket);
  const inventory = await readInventory(store, key, options.signal);
  options.onInventory?.(inventory);
  const objects = readInventoryObjects(store, inventory, options);
  yield* imagesAmong(objects, { bucket: inventory.sourceBucket, folder: '' }, options);
}

interface Place {
  bucket: string;
  /** Patterns and names have the rest of the key. */
  folder: string;
  /** A key that was given in full. It is taken whatever its name, like a file. */
  named?: string;
}

async function* imagesAmong(
  objects: AsyncIterable<{ key: string; etag: string; bytes: number }>,
  { bucket, folder, named }: Place,
  { include, exclude, isOnly, otherName, onSkip }: WalkBucketOptions,
): AsyncGenerator<Input> {
  const accept = accepts(include, exclude);
  const whyNotTaken = (inside: string): string | undefined =>
    whyPathNeverPhotograph(inside) ?? (accept(inside.replace(DOT_PARTS, '_')) ? undefined : otherName);
  for await (const { key, etag, bytes } of objects) {
    // Consoles create a folder as an empty object whose key ends in a slash.
    if (key.endsWith('/')) continue;
    const source = `s3://${bucket}/${key}`;
    const inside = key.slice(folder.length);
    const why = key === named ? undefined : whyNotTaken(inside);
    if (why === undefined)
      yield { kind: 'object', name: isOnly ? inside : source, source, bucket, key, etag, bytes };
    else onSkip({ source, reason: why });
  }
}

/** A key may have parts that a file system would resolve; patterns match none of them. */
const DOT_PARTS = /(?<=^|\/)\.{1,2}(?=\/)/g;
