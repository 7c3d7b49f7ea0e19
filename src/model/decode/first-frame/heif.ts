import { type HeifFormat, readPrimaryImage } from '../heif-header.ts';
import { boxes } from '../iso-media.ts';

/** Offset of the major brand in a file. libvips accepts a file by it alone, and does not know that of animations. */
const MAJOR_BRAND = 8;
const ANIMATED = 'avis';
const STILL = 'avif';

/**
 * The AVIF or HEIC without the movie beside its image, and an AVIF with the brand of still images; undefined if nothing
 * is to be changed. libheif reads the tables of all frames of a movie. Its box keeps its place, as others refer to offsets
 * in the file.
 * @throws {DecodeError} if all images are in the movie.
 */
export function stillOfHeif(file: Buffer, format: HeifFormat): Buffer | undefined {
  const movies = [...boxes(file)].filter(({ type }) => type === 'moov');
  const isAnimated = file.toString('latin1', MAJOR_BRAND, MAJOR_BRAND + ANIMATED.length) === ANIMATED;
  if (movies.length === 0 && !isAnimated) return undefined;
  readPrimaryImage(file, format);
  const still = Buffer.from(file);
  for (const { start } of movies) still.write('free', start + 4, 'latin1');
  if (isAnimated) still.write(STILL, MAJOR_BRAND, 'latin1');
  return still;
}
