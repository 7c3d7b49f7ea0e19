// The limits of a job: `--by` and `--max-cost`.
import { ImgclsError } from '../../core/runtime/errors.ts';

const SECOND = 1000;
const UNITS = { s: SECOND, m: 60 * SECOND, min: 60 * SECOND, h: 3600 * SECOND, d: 86_400 * SECOND } as const;
const PART = /(\d+(?:\.\d+)?)\s*(min|[smhd])\s*/g;
const DURATION = /^(?:\d+(?:\.\d+)?\s*(?:min|[smhd])\s*)+$/;
const CLOCK = /^([01]?\d|2[0-3]):([0-5]\d)$/;

/**
 * `09:00` (the next one, local time), a date as ISO 8601, or a duration such as `2h` or `1h30m`.
 * @throws {ImgclsError} of kind `usage` if it is none, or not in the future.
 */
export function parseDeadline(text: string, now: Date): Date {
  const by = dateOf(text.trim(), now);
  const hint = 'Use a time such as 09:00, a date such as 2026-06-30T09:00, or a duration such as 2h or 90m.';
  if (by === undefined || Number.isNaN(by.getTime()))
    throw new ImgclsError('usage', `--by ${JSON.stringify(text)} is no time.`, { hint });
  if (by <= now) throw new ImgclsError('usage', `--by ${text} is not in the future.`, { hint });
  return by;
}

function dateOf(text: string, now: Date): Date | undefined {
  if (DURATION.test(text)) {
    const parts = [...text.matchAll(PART)];
    const ms = parts.reduce((sum, [, n, unit]) => sum + Number(n) * UNITS[unit as keyof typeof UNITS], 0);
    return new Date(now.getTime() + ms);
  }
  const [, hour, minute] = CLOCK.exec(text) ?? [];
  if (hour === undefined) return /^\d{4}-\d\d-\d\d/.test(text) ? new Date(text) : undefined;
  const next = new Date(now);
  next.setHours(Number(hour), Number(minute), 0, 0);
  if (next <= now) next.setDate(next.getDate() + 1);
  return next;
}
