export const SIDECAR_ENDING = '.xmp';

/** The sidecar that belongs to no other photograph: `photo.jpg.xmp`. */
export const sidecarOf = (photo: string): string => `${photo}${SIDECAR_ENDING}`;
