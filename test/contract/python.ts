import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { installOnce } from '../installed.ts';

const run = promisify(execFile);

const CACHE = path.join(import.meta.dirname, '../../node_modules/.cache/imgcls-python');
const INSTALL_TIMEOUT_MS = 300_000;

/**
 * The interpreter of a Python environment with the pinned packages of a file. It is created on first use, below
 * node_modules/.cache.
 */
export async function pythonOf(requirements: string): Promise<string> {
  const pins = await readFile(requirements);
  const { stdout: version } = await run('python3', ['--version']);
  const home = path.join(CACHE, createHash('sha256').update(pins).update(version).digest('hex').slice(0, 16));
  await installPython(home, requirements);
  return path.join(home, 'bin/python');
}

/** Unless it is there. Its interpreter finds its packages from any place. */
export const installPython = (home: string, requirements: string): Promise<void> =>
  installOnce(home, (draft) => createPython(draft, requirements));

/** Creates a Python environment with the pinned packages of a file. Its interpreter is bin/python of the folder. */
export async function createPython(folder: string, requirements: string): Promise<void> {
  const options = { timeout: INSTALL_TIMEOUT_MS, maxBuffer: 16 * 1024 * 1024 };
  await run('python3', ['-m', 'venv', folder], options);
  const pip = ['-m', 'pip', 'install', '--quiet', '--no-input', '--disable-pip-version-check', '--no-deps'];
  await run(path.join(folder, 'bin/python'), [...pip, '-r', requirements], options);
}
