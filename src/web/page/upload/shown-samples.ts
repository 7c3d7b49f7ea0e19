/** Samples that the start page shows. Their files are in samples/. */
export const SHOWN_SAMPLES = [
  'cat.jpg',
  'goldfish.webp',
  'coffee.jpg',
  'boats.webp',
  'barn.webp',
  'dam.webp',
] as const;
