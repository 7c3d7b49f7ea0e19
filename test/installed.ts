/** What tests and benchmarks install beside the repository's dependencies: into a cache, where it stays. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { until } from './contract/until.ts';

/** The slowest install builds a program from source. */
const TIMEOUT_MS = 600_000;
const LOOK_MS = 200;

/** A folder of the user's cache. */
export const cacheFolder = (name: string): string =>
  path.join(process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'), name);

/**
 * Installs into an empty folder that becomes `home` when it is complete, unless `home` is there. What is installed must not know
 * its place. If several processes start together, one installs and the others wait.
 */
export async function installOnce(home: string, install: (draft: string) => Promise<void>): Promise<void> {
  if (existsSync(home)) return;
  await mkdir(path.dirname(home), { recursive: true });
  const attempt = async () => {
    if (!existsSync(home)) await installWhole(home, install);
    return true;
  };
  await until(`${home} is installed`, () => withLock(`${home}.lock`, attempt), {
    timeoutMs: TIMEOUT_MS,
    everyMs: LOOK_MS,
  });
}

async function installWhole(home: string, install: (draft: string) => Promise<void>): Promise<void> {
  const draft = `${home}.draft`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft);
  await install(draft);
  await rename(draft, home);
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
