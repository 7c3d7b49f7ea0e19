/** Deletes declarations from dist/ that the library's do not refer to: the package has hundreds of modules and one entry. */
import { globSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

const DIST = path.resolve(import.meta.dirname, '..', 'dist');

/** A declaration file with all that it imports, directly or not. */
function reachableFrom(file: string, reached = new Set<string>()): ReadonlySet<string> {
  if (reached.has(file)) return reached;
  reached.add(file);
  for (const { fileName } of ts.preProcessFile(readFileSync(file, 'utf8')).importedFiles)
    if (fileName.startsWith('.'))
      reachableFrom(path.resolve(path.dirname(file), fileName.replace(/\.ts$/, '.d.ts')), reached);
  return reached;
}

const needed = reachableFrom(path.join(DIST, 'index.d.ts'));
for (const file of globSync('**/*.d.ts', { cwd: DIST }).map((name) => path.join(DIST, name)))
  if (!needed.has(file)) rmSync(file);
