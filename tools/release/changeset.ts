/**
 * Runs the command line of changesets. It takes a repository with workspaces for a collection of packages without one in its root,
 * and the only workspace here is the Node of a clone: meanwhile package.json names none.
 *
 *     npm run changeset [-- status|version]
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '../..');
const FILE = path.join(ROOT, 'package.json');

interface Package {
  version: string;
  workspaces?: string[];
}

const read = (): Package => JSON.parse(readFileSync(FILE, 'utf8'));
const write = (content: Package): void => writeFileSync(FILE, `${JSON.stringify(content, null, 2)}\n`);

const original = read();
const { workspaces: _, ...alone } = original;
write(alone);
try {
  const program = path.join(ROOT, 'node_modules/.bin/changeset');
  const { status } = spawnSync(program, process.argv.slice(2), { cwd: ROOT, stdio: 'inherit' });
  process.exitCode = status ?? 1;
} finally {
  write({ ...original, version: read().version });
}
