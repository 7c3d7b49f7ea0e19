// Stores the images of one batch: the small ones in packs, so that a million thumbnails do not need a million requests.

import { hash } from 'node:crypto';
import { PackRoom } from '../core/job/batches.ts';
import type { Budget } from '../core/runtime/budget.ts';
import type { Input } from './inputs.ts';
import { putContent } from './put-content.ts';
import {
  type SmallImage,
  type StoredImage,
  type StoreImageOptions,
  storeContent,
  storeOrRead,
} from './store-image.ts';

export interface StoreGroupOptions extends StoreImageOptions {
  /** Images that are read and stored at a time, over all groups. */
  slots: Budget;
  signal: AbortSignal;
}

/**
 * Stores images, at most a batch of them, the small ones in packs.
 * @returns them in their order.
 * @throws the error of the store, after all operations have ended.
 */
export async function storeGroup(
  images: readonly { index: number; input: Input }[],
  options: StoreGroupOptions,
): Promise<StoredImage[]> {
  const { slots, signal } = options;
  const settled = await Promise.allSettled(
    images.map(async (image) => {
      await slots.take(1, signal);
      try {
        return await storeOrRead(image, options);
      } finally {
        slots.give(1);
      }
    }),
  );
  const found = settled.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
  const small = found.filter((one): one is SmallImage => 'content' in one);
  const packed = (await Promise.all(toPacks(small).map((pack) => storePack(pack, options)))).flat().values();
  return found.map((one) => ('entry' in one ? one : (packed.next().value as StoredImage)));
}

function toPacks(images: readonly SmallImage[]): SmallImage[][] {
  const packs: SmallImage[][] = [];
  const room = new PackRoom();
  for (const image of images) {
    if (room.opens(image.content.body.byteLength)) packs.push([]);
    packs.at(-1)?.push(image);
  }
  return packs;
}

/** Stores images one behind the other in an object under the sha256 of the whole. A single image is stored by itself. */
async function storePack(images: readonly SmallImage[], options: StoreGroupOptions): Promise<StoredImage[]> {
  const [first, second] = images;
  if (first === undefined) return [];
  if (second === undefined) return [await storeContent(first.place, first.content, options)];
  const body = Buffer.concat(images.map(({ content }) => content.body));
  const { bucket, key, sentBytes } = await putContent({ sha256: hash('sha256', body), body }, options);
  let offset = 0;
  return images.map(
    ({
      place,
      content: {
        sha256,
        body: { byteLength: bytes },
      },
    }) => {
      const entry = { ...place, bytes, bucket, key, sha256, offset, length: bytes };
      offset += bytes;
      return { entry, sentBytes: sentBytes > 0 ? bytes : 0 };
    },
  );
}
