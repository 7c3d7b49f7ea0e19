#!/usr/bin/env node
// Finds a Node.js that can run imgcls, and runs it: a clone from src/, a published package from dist/.
import { existsSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';
import v8 from 'node:v8';

const inClone = existsSync(new URL('../src/cli/main.ts', import.meta.url));
// Older versions lack node:sqlite. Versions before 22.18 do not run TypeScript.
const needed = inClone ? [22, 18] : [22, 13];
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major > needed[0] || (major === needed[0] && minor >= needed[1])) {
  // A large job streams through the heap. Keep the young generation small, and collect the old one before it is four times
  // its live size: a third less memory, for a few percent of speed where nothing is classified (benchmarks/million.ts).
  for (const flag of ['--semi-space-growth-factor=1', '--no-parallel-scavenge', '--heap-growing-percent=50'])
    v8.setFlagsFromString(flag);
  module.enableCompileCache?.();
  // Workers and model runners use the same cache.
  process.env.NODE_COMPILE_CACHE ??= module.getCompileCacheDir?.() ?? '';
  const main = await import(inClone ? '../src/cli/main.ts' : '../dist/cli/main.js');
  await main.run(process.argv.slice(2));
} else {
  // npm 10 does not link the binaries of a workspace's optional dependencies.
  const bundled = ['.bin/node', `node-linux-${process.arch}/bin/node`]
    .map((place) => fileURLToPath(new URL(`../node_modules/${place}`, import.meta.url)))
    .find((file) => existsSync(file));
  if (bundled !== undefined) {
    // Imported here: they load all of Node's network code.
    const [{ spawn }, { constants }] = await Promise.all([import('node:child_process'), import('node:os')]);
    const child = spawn(bundled, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
      stdio: 'inherit',
    });
    // A terminal sends SIGINT to both processes; anything else sends it to this one only.
    process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
    process.on('SIGTERM', () => child.kill('SIGTERM'));
    child.on('error', (error) => {
      console.error(`error: Cannot run ${bundled}: ${error.message}`);
      process.exitCode = 1;
    });
    child.on('exit', (code, signal) => {
      // As a shell reports it.
      process.exitCode = code ?? 128 + constants.signals[signal];
    });
  } else {
    console.error(
      `error: imgcls needs Node.js ${needed.join('.')} or newer, and this is ${process.versions.node}.`,
    );
    console.error('hint: Install a newer version from https://nodejs.org.');
    process.exitCode = 1;
  }
}
