/**
 * A hash of everything that the build reads. `npm run build` writes it to dist/source-hash.txt, and the end-to-end tests
 * compare it, so that they never test an old build.
 */
import { createHash } from 'node:crypto';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '..');
const SOURCES = [
  'src/**/*.*',
  '*.config.ts',
  'tsconfig*.json',
  'package-lock.json',
  'tools/build.ts',
  'tools/declarations.ts',
  'tools/shrinkwrap.ts',
  'tools/third-party-notices.ts',
];
const FILE = path.join(ROOT, 'dist', 'source-hash.txt');

function sourceHash(): string {
  const hash = createHash('sha256');
  for (const file of globSync(SOURCES, { cwd: ROOT }).toSorted())
    hash.update(`${file}\n`).update(readFileSync(path.join(ROOT, file)));
  return hash.digest('hex');
}

/** Whether dist/ was built from the sources as they are now. */
export function isBuildCurrent(): boolean {
  try {
    return readFileSync(FILE, 'utf8') === sourceHash();
  } catch {
    // Without the file there is no build to compare with.
    return false;
  }
}

export const writeSourceHash = (): void => writeFileSync(FILE, sourceHash());
