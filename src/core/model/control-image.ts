/** A whole, valid image of one pixel (PNG): what becomes of it says nothing of images, and all of model and machine. */
export const CONTROL_IMAGE = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==',
  'base64',
);
