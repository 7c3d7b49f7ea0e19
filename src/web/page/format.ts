/** Formats numbers and dates. Pure. */
import { parseWebAddress } from '../../core/network/web-address.ts';
import { pluralize } from '../../core/text/pluralize.ts';

const whole = new Intl.NumberFormat('en');
const day = new Intl.DateTimeFormat('en', { dateStyle: 'medium' });

const dayAndTime = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });

export const number = (value: number): string => whole.format(value);

/** The name of a file without its folders, which all files of a job may share. Of a web address without a file its host. */
export function baseName(path: string): string {
  const url = parseWebAddress(path);
  if (url === undefined) return path.split('/').at(-1) || path;
  return url.pathname.split('/').at(-1) || url.host;
}

/** `1 image`, `2,000 images`. */
export const counted = (count: number, what: string): string => pluralize(count, what, number(count));

/** `0.4`, `12.3`, `1,204`. */
export const rate = (perSecond: number): string =>
  perSecond < 100 ? perSecond.toFixed(1) : number(Math.round(perSecond));

/** `just now`, `5 min ago`, `3 h ago`, `yesterday`, then the date. */
export function age(atMs: number, nowMs: number): string {
  const minutes = Math.floor((nowMs - atMs) / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ago`;
  return hours < 48 ? 'yesterday' : day.format(atMs);
}

/** `Nov 30, 2026, 2:03 PM`. */
export const moment = (atMs: number): string => dayAndTime.format(atMs);
