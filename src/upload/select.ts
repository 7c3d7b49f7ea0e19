import picomatch from 'picomatch';
import { type Accepts, IMAGE_PATTERN } from './inputs.ts';

/** Splits `s3://bucket/prefix`; undefined where the text is no such address. */
export function parseS3Address(text: string): { bucket: string; prefix: string } | undefined {
  const match = /^s3:\/\/([^/]+)(?:\/(.*))?$/s.exec(text);
  return match?.[1] === undefined ? undefined : { bucket: match[1], prefix: match[2] ?? '' };
}

/**
 * The rule for files below a folder: one of `include` (image endings when empty), none of `exclude`.
 * A pattern without a slash is matched against the file's own name, as in .gitignore.
 */
export function accepts(include: readonly string[], exclude: readonly string[]): Accepts {
  const compile = (patterns: readonly string[]) =>
    picomatch(
      patterns.map((pattern) => (pattern.includes('/') ? pattern : `**/${pattern}`)),
      { nocase: true, dot: true },
    );
  const included = compile(include.length > 0 ? include : [IMAGE_PATTERN]);
  const excluded = exclude.length > 0 ? compile(exclude) : () => false;
  return (path) => included(path) && !excluded(path);
}

/** A glob split into the folder to walk and the pattern for what is below it; undefined where the text is no glob. */
export function parseGlob(text: string): { folder: string; pattern: string } | undefined {
  const scanned = picomatch.scan(text);
  return scanned.isGlob ? { folder: scanned.base || '.', pattern: scanned.glob } : undefined;
}
