/**
 * How long to wait before try `attempt` (0 for the first retry): exponential with full jitter,
 * so that many clients that failed together do not come back together.
 * @param random 0 (inclusive) to 1 (exclusive).
 */
export function backoffMs(attempt: number, random: number, { baseMs = 200, maxMs = 20_000 } = {}): number {
  return Math.round(random * Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30)));
}
