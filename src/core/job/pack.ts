import { MAX_BATCH } from './messages.ts';

/**
 * Images below this size are packed: those of one batch go into one object, one behind the other. Larger images would gain
 * little, as their bytes cost more than a request.
 */
export const PACKED_BELOW_BYTES = 32 * 1024;

/** Whether an image is packed. An empty one is not, so that no range of a pack is empty. */
export const isPackable = (bytes: number, packBelowBytes: number): boolean =>
  bytes > 0 && bytes < packBelowBytes;

/** Maximum size of a pack. */
export const MAX_PACK_BYTES = MAX_BATCH * PACKED_BELOW_BYTES;
