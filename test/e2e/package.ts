import { execFile, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
export const repository = path.resolve(import.meta.dirname, '../..');

/** The package as its users get it: packed, unpacked elsewhere, with its dependencies beside it. */
export interface InstalledPackage {
  bin: string;
  /** A folder for the data of one test, in which the bundled model is optimised for this CPU already. */
  dataDir(): Promise<string>;
  emptyFolder(): Promise<string>;
  remove(): Promise<void>;
}

/** Names the command of the package that the tests of a run share. */
const SHARED_BIN = 'SHARED_PACKAGE_BIN';
/** Names a data folder that has the optimised model: to optimise it takes a worker as long as to label ten photographs. */
const PREPARED_DATA_DIR = 'PREPARED_DATA_DIR';
const BUNDLED_MODEL = 'efficientnet-lite0';

/** Packs what was built; answers the file. */
export async function packPackage(folder: string): Promise<string> {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: repository });
  return path.join(folder, JSON.parse(stdout)[0].filename);
}

/** @returns the command of the package in `folder`. */
async function unpackPackage(folder: string): Promise<string> {
  await run('tar', ['-xzf', await packPackage(folder), '-C', folder]);
  await symlink(path.join(repository, 'node_modules'), path.join(folder, 'package', 'node_modules'));
  return path.join(folder, 'package', 'bin', 'imgcls.js');
}

/**
 * Makes `installPackage` answer one package for all test files: packing takes a second, and compiled code is cached by its
 * place.
 * @returns removes the package.
 */
export async function sharePackage(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(path.join(tmpdir(), 'imgcls-e2e-'));
  const bin = await unpackPackage(folder);
  const prepared = path.join(folder, 'prepared');
  await mkdir(prepared);
  const { code, stderr } = await start(bin, prepared, ['model', 'optimize', BUNDLED_MODEL]).finished;
  if (code !== 0) throw new Error(stderr);
  process.env[SHARED_BIN] = bin;
  process.env[PREPARED_DATA_DIR] = prepared;
  return () => rm(folder, { recursive: true, force: true });
}

/** The package that all test files share: do not change it. */
export const installPackage = (): Promise<InstalledPackage> =>
  installed(async (folder) => process.env[SHARED_BIN] ?? (await unpackPackage(folder)));

/** A package of its own, for tests that change its files or its dependencies. */
export const installOwnPackage = (): Promise<InstalledPackage> => installed(unpackPackage);

async function installed(binIn: (folder: string) => Promise<string>): Promise<InstalledPackage> {
  const folder = await mkdtemp(path.join(tmpdir(), 'imgcls-e2e-'));
  const bin = await binIn(folder);
  let count = 0;
  const emptyFolder = async () => {
    const dir = path.join(folder, `data-${count++}`);
    await mkdir(dir);
    return dir;
  };
  return {
    bin,
    async dataDir() {
      const dir = await emptyFolder();
      const prepared = process.env[PREPARED_DATA_DIR];
      if (prepared !== undefined) await cp(prepared, dir, { recursive: true });
      return dir;
    },
    emptyFolder,
    async remove() {
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The program where either form will do: the package of a run that has built one starts in 60 % of the time of the clone. */
export const program = (): string => process.env[SHARED_BIN] ?? path.join(repository, 'bin', 'imgcls.js');

/** As many runners as a user gets, where {@link start} has one. */
export const USUAL_RUNNERS = { IMGCLS_RUNNERS: undefined };

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  pid: number;
  kill(signal: NodeJS.Signals): void;
  finished: Promise<Finished>;
  /** What it has written so far. */
  stdout(): string;
  stderr(): string;
}

/**
 * Starts `imgcls` on a data folder of its own, away from the settings of whoever runs the tests. A worker has one runner, as
 * each takes 0.2 s of a core to start ({@link USUAL_RUNNERS}).
 * @param under a command that runs it, such as one that sets limits.
 */
export function start(
  bin: string,
  dataDir: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  under: readonly string[] = [],
): Running {
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('IMGCLS_')));
  const [command = process.execPath, ...before] = [...under, process.execPath];
  const child = spawn(command, [...before, bin, ...args], {
    cwd: dataDir,
    env: { ...own, IMGCLS_RUNNERS: '1', ...env, ...inDataDir(dataDir) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return {
    pid: child.pid ?? 0,
    kill: (signal) => void child.kill(signal),
    stdout: () => stdout,
    stderr: () => stderr,
    finished: new Promise((resolve) => {
      child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
    }),
  };
}

/**
 * The environment of a command that works on the data folder. Model runners get no setting, so a variable of the tests tells
 * {@link processesOf} whose they are.
 */
export const inDataDir = (dataDir: string) => ({ IMGCLS_DATA_DIR: dataDir, IMGCLS_TEST_DATA_DIR: dataDir });

/** Processes that belong to a data folder: workers and their runners. */
export const processesOf = (dataDir: string) => processesWith(`_DATA_DIR=${dataDir}`);

/**
 * Processes with a variable in their environment that ends so, as the system lists them. Tests look often, and to read the
 * small files of /proc asynchronously takes five times the CPU.
 */
export async function processesWith(ending: string): Promise<number[]> {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .filter((entry) => ofProcess(entry, 'environ').includes(`${ending}\0`))
    .map(Number);
}

/** A file of a process in /proc; empty when the process has ended. */
export function ofProcess(pid: number | string, file: 'cmdline' | 'environ' | 'status'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

/** The folder of real weights and photographs, where there is one; those who lack it are told. */
export function sharedFolder(): string | undefined {
  const folder = path.resolve(process.env.IMGCLS_SHARED_DIR ?? path.join(repository, '..', 'shared'));
  if (existsSync(path.join(folder, 'images', 'evaluate'))) return folder;
  console.warn('Tests on ImageNet photographs are left out: no shared folder (IMGCLS_SHARED_DIR).');
  return undefined;
}

/** Ids of the worker processes of a data folder. */
export async function workersOf(dataDir: string): Promise<number[]> {
  const parents = new Map<number, number>();
  for (const pid of await processesOf(dataDir)) {
    if (!ofProcess(pid, 'cmdline').split('\0').includes('worker')) continue;
    parents.set(pid, Number(/PPid:\s+(\d+)/.exec(ofProcess(pid, 'status'))?.[1]));
  }
  // A child that has not become a model runner yet looks like its parent.
  return [...parents.keys()].filter((pid) => !parents.has(parents.get(pid) ?? 0));
}
