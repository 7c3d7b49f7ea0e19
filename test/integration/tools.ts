import { spawnSync } from 'node:child_process';

/**
 * Whether a program of the system is there, for tests that need it; those who lack it are told.
 * @throws in CI where it is missing: there, a skipped suite is a failed one.
 */
export function hasTool(program: string, debianPackage: string): boolean {
  if (spawnSync(program, ['--version']).error === undefined) return true;
  const message = `Tests that need ${program} are left out: on Debian and Ubuntu, apt-get install ${debianPackage}.`;
  if (process.env.CI) throw new Error(message);
  console.warn(`SKIPPED. ${message}`);
  return false;
}
