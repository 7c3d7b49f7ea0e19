/** What a server says about asking again. Pure. */

/** Whether a retry may have another answer than this status. */
export const isTemporary = (status: number): boolean => status === 408 || status === 429 || status >= 500;

/** The pause that `Retry-After` asks for. Undefined if it names no number of seconds. */
export function retryAfterMs(header: string | null | undefined): number | undefined {
  const seconds = /^\d+$/.exec(header ?? '')?.[0];
  return seconds === undefined ? undefined : 1000 * Number(seconds);
}
