/** Builds dist/: npm run build. Its parts need nothing of each other and run side by side: each leaves a core idle. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, rm } from 'node:fs/promises';
import path from 'node:path';
import { writeShrinkwrap } from './shrinkwrap.ts';
import { writeSourceHash } from './source-hash.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const DIST = path.join(ROOT, 'dist');

/** The first part that fails ends the others. */
const failed = new AbortController();

async function run(command: string, args: readonly string[], stdout: 'inherit' | number = 'inherit') {
  const child = spawn(command, args, {
    cwd: ROOT,
    // Of rolldown, only warnings.
    env: { ...process.env, CONSOLA_LEVEL: '1' },
    stdio: ['ignore', stdout, 'inherit'],
    signal: failed.signal,
  });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${[command, ...args].join(' ')} ended with ${code}.`);
}

await rm(DIST, { recursive: true, force: true });
await mkdir(DIST);
const manual = await open(path.join(DIST, 'imgcls.1'), 'w');
try {
  await Promise.all([
    run(process.execPath, ['tools/declarations.ts']),
    run('rolldown', ['-c', '--logLevel', 'warn']),
    run('vite', ['build', '--logLevel', 'warn']),
    run(process.execPath, ['bin/imgcls.js', 'man'], manual.fd),
  ]);
} finally {
  failed.abort();
  await manual.close();
}
writeShrinkwrap();
writeSourceHash();
