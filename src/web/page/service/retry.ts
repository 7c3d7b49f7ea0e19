/** When to try again. Pure. */

const FIRST_MS = 1000;
const LONGEST_MS = 30_000;

/** 1, 2, 4 … 30 s, unless the service says when. `failures` counts from 1. */
export function pauseMs(failures: number, retryAfter?: string | null): number {
  const asked = retryAfter ? 1000 * Number(retryAfter) : Number.NaN;
  if (Number.isFinite(asked) && asked >= 0) return Math.min(asked, LONGEST_MS);
  return Math.min(FIRST_MS * 2 ** (failures - 1), LONGEST_MS);
}

/** Answers that waiting may help: too slow, too many, or a cloud that has trouble. */
export const isTransientStatus = (status: number): boolean => [408, 429, 502, 503, 504].includes(status);
