import { MAX_BATCH } from '../core/job/messages.ts';

/** Images of a manifest part at most: a million images make about a thousand parts. */
export const MAX_PART = 1024;

/**
 * How many images the `part`-th manifest part takes: the first is one batch, so that work starts at once,
 * and each is twice the last, so that a large job has few.
 */
export const partSize = (part: number): number => Math.min(MAX_PART, MAX_BATCH * 2 ** Math.min(part, 16));
