const urls = new WeakMap<File, string>();

/** One address of a file for as long as the page is open, so that another view shows its picture at once. It holds no bytes. */
export function objectUrlOf(file: File): string {
  const url = urls.get(file) ?? URL.createObjectURL(file);
  urls.set(file, url);
  return url;
}

export function revokeObjectUrl(file: File): void {
  const url = urls.get(file);
  if (url !== undefined) URL.revokeObjectURL(url);
  urls.delete(file);
}

/** Whether this page has shown the file. */
export const hasObjectUrl = (file: File): boolean => urls.has(file);
