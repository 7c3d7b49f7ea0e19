import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { installWhole } from '../installed.ts';
import { until } from './until.ts';

const run = promisify(execFile);

const CACHE = path.join(import.meta.dirname, '../../node_modules/.cache/imgcls-python');
const INSTALL_TIMEOUT_MS = 300_000;

/**
 * The interpreter of a Python environment with the pinned packages of a file. It is created on first use, below
 * node_modules/.cache. If several test files start together, one creates it and the others wait.
 */
export async function pythonOf(requirements: string): Promise<string> {
  const pins = await readFile(requirements);
  const { stdout: version } = await run('python3', ['--version']);
  const home = path.join(CACHE, createHash('sha256').update(pins).update(version).digest('hex').slice(0, 16));
  await mkdir(CACHE, { recursive: true });
  await until(
    'the Python environment exists',
    async () => {
      if (await exists(home)) return true;
      return await withLock(`${home}.lock`, async () => {
        if (!(await exists(home))) await installPython(home, requirements);
        return true;
      });
    },
    { timeoutMs: 2 * INSTALL_TIMEOUT_MS, everyMs: 200 },
  );
  return path.join(home, 'bin/python');
}

/** Installs it as a whole: its interpreter finds its packages from any place. */
export const installPython = (home: string, requirements: string): Promise<void> =>
  installWhole(home, (draft) => createPython(draft, requirements));

/** Creates a Python environment with the pinned packages of a file. Its interpreter is bin/python of the folder. */
export async function createPython(folder: string, requirements: string): Promise<void> {
  const options = { timeout: INSTALL_TIMEOUT_MS, maxBuffer: 16 * 1024 * 1024 };
  await run('python3', ['-m', 'venv', folder], options);
  const pip = ['-m', 'pip', 'install', '--quiet', '--no-input', '--disable-pip-version-check', '--no-deps'];
  await run(path.join(folder, 'bin/python'), [...pip, '-r', requirements], options);
}

/** Undefined while another process holds the lock. Removes the lock of a dead process. */
async function withLock<T>(file: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    await writeFile(file, String(process.pid), { flag: 'wx' });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    const holder = Number(await readFile(file, 'utf8').catch(() => ''));
    if (holder > 0 && !isAlive(holder)) await rm(file, { force: true });
    return undefined;
  }
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
