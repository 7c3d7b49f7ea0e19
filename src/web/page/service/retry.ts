/** When to retry a request. Pure. */
import { backoffMs } from '../../../core/runtime/backoff.ts';

const PAUSES = { baseMs: 1000, maxMs: 30_000 };

/** 1, 2, 4 … 30 s, or what the service asks for in Retry-After, up to 30 s. `failures` counts from 1. */
export function pauseMs(failures: number, retryAfter?: string | null): number {
  return backoffMs(failures - 1, 1, {
    ...PAUSES,
    askedMs: retryAfter ? 1000 * Number(retryAfter) : undefined,
  });
}

/** Answers after which a retry may succeed: too slow, too many requests, or a busy cloud. */
export const isTransientStatus = (status: number): boolean => [408, 429, 502, 503, 504].includes(status);
