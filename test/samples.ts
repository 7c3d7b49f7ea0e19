/** The photographs of samples/, in the order in which a folder is read. */
export const SAMPLES = [
  'barn.webp',
  'boats.webp',
  'cat.jpg',
  'coffee.jpg',
  'dam.webp',
  'frying-pan.webp',
  'goldfish.webp',
  'mountains.jpg',
  'rocket.jpg',
  'screwdriver.webp',
  'tape-measure.webp',
  'tripod.png',
];
