/** `812 B`, `1.6 MB`, `230 MB`: powers of 1000, as the bills and consoles of AWS and most file managers show them. */
export const byteSize = (bytes: number): string => scaled(bytes, 1000, ['B', 'KB', 'MB', 'GB', 'TB']);

/** `812 B`, `1.6 MiB`, `64 MiB`: powers of 1024. The page shows sizes next to the service's limits, which are set in these. */
export const binaryByteSize = (bytes: number): string =>
  scaled(bytes, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB']);

function scaled(bytes: number, base: number, units: readonly string[]): string {
  let value = bytes;
  let unit = 0;
  for (; value >= base - 0.5 && unit < units.length - 1; unit++) value /= base;
  const isWhole = value >= 9.95 || Number.isInteger(value);
  return `${isWhole ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
