import picomatch from 'picomatch';
import { type Accepts, IMAGE_PATTERN } from './inputs.ts';

/** `s3://bucket/prefix`. */
export interface S3Address {
  bucket: string;
  prefix: string;
}

/** Undefined for other texts. */
export function parseS3Address(text: string): S3Address | undefined {
  const match = /^s3:\/\/([^/]+)(?:\/(.*))?$/s.exec(text);
  return match?.[1] === undefined ? undefined : { bucket: match[1], prefix: match[2] ?? '' };
}

const compile = (patterns: readonly string[]) => picomatch([...patterns], { nocase: true, dot: true });

/** A pattern without a slash matches the name of the file in any folder, as in .gitignore. */
const anywhere = (pattern: string) => (pattern.includes('/') ? pattern : `**/${pattern}`);

/** Files below a folder are taken if they match one of `include` (by default image file names) and none of `exclude`. */
export function accepts(include: readonly string[], exclude: readonly string[]): Accepts {
  return both(compile(include.length > 0 ? include.map(anywhere) : [IMAGE_PATTERN]), exclude);
}

/** Files below a glob's folder are taken if they match its pattern, case-sensitively, and none of `exclude`. */
export function acceptsGlob(pattern: string, exclude: readonly string[]): Accepts {
  return both(picomatch(pattern), exclude);
}

/**
 * Files that are named are taken as in a folder, for a shell's glob names all of a folder's; but if none of them has an
 * image's name, each is meant.
 */
export function acceptsNamed(
  inputs: readonly string[],
  include: readonly string[],
  exclude: readonly string[],
): Accepts {
  const isImage = accepts([], exclude);
  const isMeant = include.length === 0 && !inputs.some((input) => isImage(withoutRoot(input)));
  const isTaken = isMeant ? acceptsListed([], exclude) : accepts(include, exclude);
  return (path) => isTaken(withoutRoot(path));
}

/** Files of a list are taken whatever their names, unless `include` or `exclude` says otherwise. */
export function acceptsListed(include: readonly string[], exclude: readonly string[]): Accepts {
  const isTaken = include.length > 0 ? accepts(include, exclude) : both(() => true, exclude);
  return (path) => isTaken(withoutRoot(path));
}

/** Patterns match neither `/` nor `..` at the begin of a path. */
const withoutRoot = (path: string): string => path.replace(/^(\.{0,2}\/)+/, '');

/** Whether a path below a folder matches one of `exclude`. */
export function excludes(exclude: readonly string[]): Accepts {
  return exclude.length === 0 ? () => false : compile(exclude.map(anywhere));
}

function both(isIncluded: Accepts, exclude: readonly string[]): Accepts {
  const isExcluded = excludes(exclude);
  return (path) => isIncluded(path) && !isExcluded(path);
}

/** Parentheses alone, as in `photo (1).jpg`, are not a glob. */
const GLOB_CHARACTERS = /[*?[{]|[@+!]\(/;

/** Splits a glob into the folder to walk, the depth, and the pattern for paths in the folder. Undefined for other texts. */
export function parseGlob(text: string): { folder: string; pattern: string; depth: number } | undefined {
  const { isGlob, base, glob: pattern } = picomatch.scan(text);
  if (!isGlob || !GLOB_CHARACTERS.test(text)) return undefined;
  const depth = pattern.includes('**') ? Number.POSITIVE_INFINITY : pattern.split('/').length;
  return { folder: base || '.', pattern, depth };
}
