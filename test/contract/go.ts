import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { createPython } from './python.ts';

/** Runs Go in a folder, outside any module and without a developer's own flags. @returns what it printed. */
export type Go = (...args: string[]) => Promise<string>;

/** Builds a program from Go's module proxy, such as "example.org/tool@v1.2.3", into a folder. */
export async function installGoProgram(folder: string, source: string): Promise<void> {
  await withGo(folder, (go) => go('install', source));
}

/** Makes a Go toolchain within the folder, and removes it after the work with all that it has downloaded. */
export async function withGo<T>(folder: string, work: (go: Go) => Promise<T>): Promise<T> {
  const [toolchain, modules, build] = ['toolchain', 'modules', 'build'].map((name) =>
    path.join(folder, name),
  ) as [string, string, string];
  const env = { ...process.env, GOBIN: folder, GOMODCACHE: modules, GOCACHE: build, GOFLAGS: '-modcacherw' };
  await createPython(toolchain, path.join(import.meta.dirname, 'go.txt'));
  const go: Go = async (...args) =>
    (await promisify(execFile)(path.join(toolchain, 'bin/go'), args, { cwd: tmpdir(), env })).stdout;
  const done = await work(go);
  await Promise.all([toolchain, modules, build].map((each) => rm(each, { recursive: true, force: true })));
  return done;
}
