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
