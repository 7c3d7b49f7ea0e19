#!/usr/bin/env node
// Finds a Node that can run imgcls, then hands over: a clone runs from src/, a published package from dist/.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';
import v8 from 'node:v8';

const inClone = existsSync(new URL('../src/cli/main.ts', import.meta.url));
// Older ones lack node:sqlite, and before 22.18 they do not run TypeScript as it is.
const needed = inClone ? [22, 18] : [22, 13];
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major > needed[0] || (major === needed[0] && minor >= needed[1])) {
  // A large job streams through: what is short-lived keeps the room that it begins with, and what was streamed is collected
  // before it is four times what lives. A third less memory for a few percent of speed where nothing is classified
  // (benchmarks/million.ts).
  for (const flag of ['--semi-space-growth-factor=1', '--no-parallel-scavenge', '--heap-growing-percent=50'])
    v8.setFlagsFromString(flag);
  module.enableCompileCache?.();
  // Workers and model runners start from the same cache.
  process.env.NODE_COMPILE_CACHE ??= module.getCompileCacheDir?.() ?? '';
  const main = await import(inClone ? '../src/cli/main.ts' : '../dist/cli/main.js');
  await main.run(process.argv.slice(2));
} else {
  // npm 10 does not link what a workspace's optional package brings.
  const bundled = ['.bin/node', `node-linux-${process.arch}/bin/node`]
    .map((place) => fileURLToPath(new URL(`../node_modules/${place}`, import.meta.url)))
    .find((file) => existsSync(file));
  if (bundled !== undefined) {
    const child = spawn(bundled, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
      stdio: 'inherit',
    });
    // A terminal interrupts both of us; whoever else does, interrupts us alone.
    process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
    process.on('SIGTERM', () => child.kill('SIGTERM'));
    child.on('error', (error) => {
      console.error(`error: Cannot run ${bundled}: ${error.message}`);
      process.exitCode = 1;
    });
    child.on('exit', (code, signal) => {
      process.exitCode = code ?? (signal === 'SIGKILL' ? 137 : 1);
    });
  } else {
    console.error(`error: imgcls needs Node ${needed.join('.')} or newer; this is ${process.versions.node}.`);
    process.exitCode = 1;
  }
}
