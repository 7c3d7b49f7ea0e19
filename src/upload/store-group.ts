// Stores the images of one batch in packs, so that a million photographs do not need a million requests.

import { hash } from 'node:crypto';
import { PackRoom, SMALL_PACK_BYTES } from '../core/job/batches.ts';
import { LARGE_PACK_FORMAT, type ManifestEntry } from '../core/job/job.ts';
import { isError } from '../core/model/outcome.ts';
import type { Input } from './inputs.ts';
import { putContent } from './put-content.ts';
import {
  type PackableImage,
  type StoredImage,
  type StoreImageOptions,
  storeContent,
  storeOrRead,
} from './store-image.ts';

/** An image of a job, to be stored. */
export interface JobImage {
  index: number;
  input: Input;
  /** Its entry if the input has an error. */
  otherwise?: ManifestEntry;
}

export interface StoreGroupOptions extends StoreImageOptions {
  /** Images that are read, or stored by themselves, at a time. */
  atOnce: number;
}

/**
 * Stores images, at most a batch of them. Memory holds one pack and `atOnce` images.
 * @returns them in their order.
 * @throws the error of the store, after all operations have ended.
 */
export async function storeGroup(
  images: readonly JobImage[],
  options: StoreGroupOptions,
): Promise<StoredImage[]> {
  const stored: StoredImage[] = [];
  const room = new PackRoom();
  let pack: PackableImage[] = [];
  for (let at = 0; at < images.length; at += options.atOnce) {
    options.signal?.throwIfAborted();
    const some = images.slice(at, at + options.atOnce).map((image) => storeOrFallBack(image, options));
    for (const one of await allOf(some)) {
      if ('entry' in one) {
        stored.push(one);
        continue;
      }
      if (room.opens(one.content.body.byteLength)) {
        stored.push(...(await storePack(pack, options)));
        pack = [];
      }
      pack.push(one);
    }
  }
  stored.push(...(await storePack(pack, options)));
  return stored.sort((a, b) => a.entry.index - b.entry.index);
}

async function storeOrFallBack(
  { otherwise, ...image }: JobImage,
  options: StoreGroupOptions,
): Promise<StoredImage | PackableImage> {
  const found = await storeOrRead(image, options);
  const isLost = otherwise !== undefined && 'entry' in found && isError(found.entry);
  return isLost ? { entry: otherwise, sentBytes: 0 } : found;
}

/** As Promise.all, but a failure waits for the others: nothing may be stored after it. */
async function allOf<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
}

/** Stores images one behind the other in an object under the sha256 of the whole. A single image is stored by itself. */
async function storePack(
  images: readonly PackableImage[],
  options: StoreGroupOptions,
): Promise<StoredImage[]> {
  const [first, second] = images;
  if (first === undefined) return [];
  if (second === undefined) return [await storeContent(first.place, first.content, options)];
  const body = Buffer.concat(images.map(({ content }) => content.body));
  const { bucket, key, sentBytes } = await putContent({ sha256: hash('sha256', body), body }, options);
  const isLarge = body.byteLength > SMALL_PACK_BYTES;
  let offset = 0;
  return images.map(({ place, content }) => {
    const { sha256, body } = content;
    const bytes = body.byteLength;
    const part = { ...(isLarge && { v: LARGE_PACK_FORMAT }), offset, length: bytes };
    const entry = { ...place, bytes, bucket, key, sha256, ...part };
    offset += bytes;
    return { entry, sentBytes: sentBytes > 0 ? bytes : 0 };
  });
}
