import { execFileSync } from 'node:child_process';
import { isBuildCurrent } from '../../tools/source-hash.ts';

/** End-to-end tests run the packed package: builds it where dist/ is missing or older than the sources. */
export function setup(): void {
  if (!isBuildCurrent()) execFileSync('npm', ['run', 'build'], { stdio: 'inherit' });
}
