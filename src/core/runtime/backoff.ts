export interface Pauses {
  baseMs?: number;
  /** Longest pause. */
  maxMs?: number;
  /** Pause that the server asked for (Retry-After); it replaces the computed one, and `maxMs` limits it too. */
  askedMs?: number | undefined;
}

/**
 * Pause before a retry: exponential with full jitter, so that clients that failed together do not retry together.
 * @param retries retries so far: 0 for the first one.
 * @param random 0 (inclusive) to 1 (exclusive); 1 for no jitter.
 */
export function backoffMs(
  retries: number,
  random: number,
  { baseMs = 200, maxMs = 20_000, askedMs = Number.NaN }: Pauses = {},
): number {
  if (askedMs >= 0) return Math.min(askedMs, maxMs);
  return Math.round(random * Math.min(maxMs, baseMs * 2 ** Math.min(retries, 30)));
}
