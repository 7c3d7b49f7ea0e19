import { type HeifFormat, readPrimaryImage } from '../heif-header.ts';
import { boxes, firstBox } from '../iso-media.ts';

/** Brands of movies, and those of the images beside them. */
const STILL_BRANDS: Readonly<Record<string, string>> = {
  avis: 'avif',
  msf1: 'mif1',
  hevc: 'heic',
  hevx: 'heix',
  isom: 'mif1',
  mp41: 'mif1',
  mp42: 'mif1',
};
/** Files have some ten. */
const MAX_BRANDS = 100;
const BRAND_BYTES = 4;

/**
 * The AVIF or HEIC without the movie beside its image, and without its brands; undefined if nothing is to be changed.
 * libheif reads the tables of all frames of a movie, and misses it where a brand announces it. libvips accepts a file by its
 * first brand alone, and knows none of movies. The box of the movie keeps its place, as others refer to offsets in the file.
 * @throws {DecodeError} if all images are in the movie.
 */
export function stillOfHeif(file: Buffer, format: HeifFormat): Buffer | undefined {
  const movies = [...boxes(file)].filter(({ type }) => type === 'moov');
  const brands = [...brandsOf(file)].filter(({ brand }) => Object.hasOwn(STILL_BRANDS, brand));
  if (movies.length === 0 && brands.length === 0) return undefined;
  readPrimaryImage(file, format);
  const still = Buffer.from(file);
  for (const { start } of movies) still.write('free', start + 4, 'latin1');
  for (const { at, brand } of brands) still.write(STILL_BRANDS[brand] as string, at, 'latin1');
  return still;
}

/** The major brand and the compatible ones, between which there is a version. */
function* brandsOf(file: Buffer): Generator<{ at: number; brand: string }> {
  const { from, to } = firstBox(file, 'ftyp') ?? { from: 0, to: 0 };
  const end = Math.min(to, from + MAX_BRANDS * BRAND_BYTES);
  for (let at = from; at + BRAND_BYTES <= end; at += BRAND_BYTES)
    yield { at, brand: file.toString('latin1', at, at + BRAND_BYTES) };
}
