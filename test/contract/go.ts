import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { createPython } from './python.ts';

/** Builds a program from Go's module proxy, such as "example.org/tool@v1.2.3", into a folder. */
export async function installGoProgram(folder: string, source: string): Promise<void> {
  const [toolchain, modules, build] = ['toolchain', 'modules', 'build'].map((name) =>
    path.join(folder, name),
  ) as [string, string, string];
  await createPython(toolchain, path.join(import.meta.dirname, 'go.txt'));
  const env = { ...process.env, GOBIN: folder, GOMODCACHE: modules, GOCACHE: build, GOFLAGS: '-modcacherw' };
  await promisify(execFile)(path.join(toolchain, 'bin/go'), ['install', source], { env });
  await Promise.all([toolchain, modules, build].map((each) => rm(each, { recursive: true })));
}
