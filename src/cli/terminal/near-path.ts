import path from 'node:path';

/** A path for people: relative to the working folder, if the file is in it. */
export function nearPath(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith('..') ? file : relative;
}
