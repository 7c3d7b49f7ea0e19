import { MAX_BATCH } from './messages.ts';

/**
 * Images below this travel packed: those of one batch in one object, one behind the other. A request costs as much as so many
 * bytes, so that larger ones would gain little.
 */
export const PACKED_BELOW_BYTES = 32 * 1024;

/** Whether an image travels packed. An empty one has a place of its own, so that every span of a pack holds something. */
export const isPackable = (bytes: number, packBelowBytes: number): boolean =>
  bytes > 0 && bytes < packBelowBytes;

/** The largest object that holds several images. */
export const MAX_PACK_BYTES = MAX_BATCH * PACKED_BELOW_BYTES;
