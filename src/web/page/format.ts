/** Numbers for a person. Pure. */

const whole = new Intl.NumberFormat('en');
const day = new Intl.DateTimeFormat('en', { dateStyle: 'medium' });

export const number = (value: number): string => whole.format(value);

/** `1 image`, `2,000 images`. */
export const counted = (count: number, what: string): string =>
  `${number(count)} ${what}${count === 1 ? '' : 's'}`;

/** A share of 0 to 1 as `95.2 %`. */
export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** `9 s`, `4 min`, `2 h 5 min`. */
export function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  return `${number(Math.floor(minutes / 60))} h ${minutes % 60} min`;
}

/** `0.4`, `12.3`, `1,204`. */
export const rate = (perSecond: number): string =>
  perSecond < 100 ? perSecond.toFixed(1) : number(Math.round(perSecond));

/** Small sums keep the digits that tell them apart. */
export function dollars(usd: number): string {
  if (usd > 0 && usd < 0.0001) return '<$0.0001';
  return `$${usd.toFixed(usd > 0 && usd < 1 ? 4 : 2)}`;
}

/** `12 KiB`, `4.2 MiB`. */
export function byteSize(bytes: number): string {
  if (bytes < 1024) return counted(bytes, 'byte');
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let size = bytes / 1024;
  let unit = 0;
  for (; size >= 1023.5 && unit < units.length - 1; unit++) size /= 1024;
  return `${size >= 10 || Number.isInteger(size) ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}

/** `just now`, `5 min ago`, `3 h ago`, `yesterday`, then the date. */
export function age(atMs: number, nowMs: number): string {
  const minutes = Math.floor((nowMs - atMs) / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ago`;
  return hours < 48 ? 'yesterday' : day.format(atMs);
}
