/** The versions of Node that the installed package is tried on. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder, installOnce } from '../installed.ts';

/** The oldest of those that package.json allows that npm has for Linux on both architectures. */
const OLDEST = '22.13.1';

/** Paths of Node, by version: the one that runs the tests and, where npm has it, the oldest one. */
export async function findNodes(): Promise<Record<string, string>> {
  const own = { [process.versions.node]: process.execPath };
  return process.platform === 'linux' ? { [OLDEST]: await installNode(OLDEST), ...own } : own;
}

async function installNode(version: string): Promise<string> {
  const name = `node-${process.platform}-${process.arch}`;
  const home = cacheFolder(`imgcls-${name}-${version}`);
  await installOnce(home, async (draft) => {
    await writeFile(path.join(draft, 'package.json'), '{}');
    await promisify(execFile)('npm', ['install', '--ignore-scripts', `${name}@${version}`], { cwd: draft });
  });
  return path.join(home, 'node_modules', name, 'bin', 'node');
}
