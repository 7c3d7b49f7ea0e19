import { execFileSync } from 'node:child_process';
import { isBuildCurrent } from '../../tools/source-hash.ts';
import { sharePackage } from './package.ts';

/** End-to-end tests run the packed package. Builds it where dist/ is missing or older than the sources. */
export async function setup(): Promise<() => Promise<void>> {
  if (!isBuildCurrent()) execFileSync('npm', ['run', 'build'], { stdio: 'inherit' });
  return await sharePackage();
}
