/**
 * Endings of file names that are images, in lower case and without the dot. Files of a folder with other endings are not
 * taken without being asked for. `hif` is HEIC from cameras.
 */
export const IMAGE_ENDINGS: readonly string[] = [
  'jpg',
  'jpeg',
  'jpe',
  'jfif',
  'png',
  'webp',
  'gif',
  'tif',
  'tiff',
  'avif',
  'heic',
  'heif',
  'hif',
  'bmp',
  'dib',
];

/**
 * Endings of camera raw files. A folder often has them beside their JPEGs, so its files with these endings are taken only
 * where they are asked for; the page takes them, as there the user sees and removes them.
 */
export const RAW_ENDINGS: readonly string[] = ['dng', 'nef', 'cr2', 'cr3', 'arw', 'orf', 'rw2', 'raf', 'pef'];
