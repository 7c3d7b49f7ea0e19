/** What tests and benchmarks install beside the repository's dependencies: into the user's cache, where it stays. */
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';

/** A folder of the user's cache. */
export const cacheFolder = (name: string): string =>
  path.join(process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'), name);

/** Installs into an empty folder that becomes `home` when it is complete. What is installed must not know its place. */
export async function installWhole(home: string, install: (draft: string) => Promise<void>): Promise<void> {
  const draft = `${home}.draft`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true });
  await install(draft);
  await rename(draft, home);
}
