import { ImgclsError } from '../../core/runtime/errors.ts';
import type { Arrival, Trace } from './traces.ts';

/** A year, and more images than any run needs. */
const MAX_SECONDS = 366 * 86_400;
const MAX_IMAGES = 1e9;

/**
 * A trace as text: a line `seconds,images` for each arrival, in any order. Blank lines, lines that begin with # and a
 * heading are skipped.
 * @throws {ImgclsError} of kind `usage` that names the line.
 */
export function parseTrace(name: string, text: string): Trace {
  const arrivals: Arrival[] = [];
  let images = 0;
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    const isHeading = arrivals.length === 0 && /^\s*seconds\s*,\s*images\s*$/i.test(line);
    if (line.trim() === '' || line.startsWith('#') || isHeading) continue;
    const arrival = parseLine(line);
    if (typeof arrival === 'string') throw wrong(`${name}, line ${at + 1}: ${arrival}`);
    arrivals.push(arrival);
    images += arrival.images;
  }
  if (arrivals.length === 0) throw wrong(`${name} has no line "seconds,images"`);
  if (images > MAX_IMAGES) throw wrong(`${name} has ${images} images, but the limit is ${MAX_IMAGES}`);
  return {
    name,
    what: `${arrivals.length} arrivals`,
    arrivals: arrivals.toSorted((a, b) => a.atMs - b.atMs),
  };
}

function parseLine(line: string): Arrival | string {
  const fields = line.split(',').map((field) => field.trim());
  if (fields.length !== 2) return `expected "seconds,images", got ${JSON.stringify(line.slice(0, 80))}`;
  const [seconds, images] = fields.map((field) => (field === '' ? Number.NaN : Number(field)));
  if (seconds === undefined || !(seconds >= 0 && seconds <= MAX_SECONDS))
    return `${JSON.stringify(fields[0])} is not a number of seconds from 0 to ${MAX_SECONDS}`;
  if (images === undefined || !(Number.isInteger(images) && images >= 1 && images <= MAX_IMAGES))
    return `${JSON.stringify(fields[1])} is not a whole number of images from 1 to ${MAX_IMAGES}`;
  return { atMs: seconds * 1000, images };
}

const wrong = (what: string): ImgclsError =>
  new ImgclsError('usage', `Cannot use the trace: ${what}.`, {
    hint: 'A trace has lines like "0,20": 20 images at the start, and "60,5": 5 more after a minute.',
  });
