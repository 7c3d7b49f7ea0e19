const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const;

/** `812 B`, `1.6 MB`, `230 MB`: in powers of 1000. */
export function byteSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 999.5 && unit < UNITS.length - 1; unit++) value /= 1000;
  return `${unit === 0 || value >= 9.95 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}
