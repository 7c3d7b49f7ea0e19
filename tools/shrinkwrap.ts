/**
 * dist/npm-shrinkwrap.json: package-lock.json without what only developers need. Machine images install exactly these
 * packages, each checked against its digest.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

interface LockedPackage {
  integrity?: string;
  dev?: boolean;
  link?: boolean;
  optionalDependencies?: Record<string, string>;
}

interface Lock {
  packages: Record<string, LockedPackage & { workspaces?: unknown; devDependencies?: unknown }>;
}

const ROOT = path.resolve(import.meta.dirname, '..');

export function shrinkwrapOf(lock: Lock): Lock {
  const { '': own = {}, ...others } = lock.packages;
  const { workspaces: _, devDependencies: __, ...root } = own;
  // The Node of a clone is a workspace.
  const workspaces = Object.keys(others).filter((place) => !place.startsWith('node_modules/'));
  const ofWorkspaces = workspaces.flatMap((place) =>
    Object.keys(others[place]?.optionalDependencies ?? {}).map((name) => `node_modules/${name}`),
  );
  const needed = Object.entries(others).filter(
    ([place, { dev, link }]) =>
      dev !== true && link !== true && ![...workspaces, ...ofWorkspaces].includes(place),
  );
  return { ...lock, packages: { '': root, ...Object.fromEntries(needed) } };
}

export function writeShrinkwrap(): void {
  const lock = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8')) as Lock;
  writeFileSync(
    path.join(ROOT, 'dist', 'npm-shrinkwrap.json'),
    `${JSON.stringify(shrinkwrapOf(lock), null, 1)}\n`,
  );
}
