/**
 * A moto server (AWS stand-in, from PyPI) for the tests that need one: on a free loopback port, ending with the test.
 * Its Python environment is made on first use, below node_modules/.cache, from the pins of requirements.txt.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { until } from './until.ts';

const run = promisify(execFile);

const REQUIREMENTS = path.join(import.meta.dirname, 'requirements.txt');
const CACHE = path.join(import.meta.dirname, '../../node_modules/.cache/imgcls-moto');
const INSTALL_TIMEOUT_MS = 300_000;

/** Ends with its standard input, so that no server outlives a test that was killed. */
const BOOT = `
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
from moto.server import main
main(['-H', '127.0.0.1', '-p', '0'])
`;

export interface Moto {
  url: string;
  close(): Promise<void>;
}

/** What an AWS client needs to reach a stand-in at `url` and nothing else, whatever is set around the test. */
export const standInEnvironment = (url: string): Record<string, string | undefined> => ({
  AWS_ENDPOINT_URL: url,
  AWS_ENDPOINT_URL_S3: undefined,
  AWS_ENDPOINT_URL_SQS: undefined,
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'testing',
  AWS_SECRET_ACCESS_KEY: 'testing',
  AWS_SESSION_TOKEN: undefined,
  AWS_PROFILE: undefined,
  AWS_CONFIG_FILE: path.join(CACHE, 'no-config'),
  AWS_SHARED_CREDENTIALS_FILE: path.join(CACHE, 'no-credentials'),
  AWS_EC2_METADATA_DISABLED: 'true',
});

/**
 * Starts a server, or answers undefined, loudly, where there is no Python to run it; then skip what needs it.
 * @throws where `CI` is set and there is none: there, a skipped suite is a failed one.
 */
export async function startMoto(): Promise<Moto | undefined> {
  let python: string;
  try {
    python = await environment();
  } catch (cause) {
    const message =
      'The tests over moto need python3 (3.10 or later) with venv and pip, and a package index: on Debian and Ubuntu, apt-get install python3-venv.';
    if (process.env.CI) throw new Error(message, { cause });
    console.warn(`SKIPPED. ${message}\n${cause instanceof Error ? cause.message : cause}`);
    return undefined;
  }
  return await serve(python);
}

async function serve(python: string): Promise<Moto> {
  const child = spawn(python, ['-c', BOOT], {
    stdio: ['pipe', 'ignore', 'pipe'],
    env: { PATH: process.env.PATH, PYTHONUNBUFFERED: '1' },
  });
  const exited = once(child, 'exit');
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    // Every request makes a line; only the start, or the end of a failed one, is of interest.
    log = (log + text).slice(-20_000);
  });
  const url = await until(
    'moto listens',
    async () => {
      if (child.exitCode !== null) throw new Error(`moto ended at its start:\n${log}`);
      return /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(log)?.[1];
    },
    { timeoutMs: 60_000 },
  );
  await until('moto answers', () =>
    fetch(`${url}/moto-api/`).then(
      (answer) => answer.body?.cancel().then(() => true as const),
      () => undefined,
    ),
  );
  return { url, close: () => end(child, exited) };
}

async function end(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  child.stdin?.end();
  const force = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await exited;
  clearTimeout(force);
}

/** The interpreter of the environment. Test files that start together make it once: one does, the others wait. */
async function environment(): Promise<string> {
  const pins = await readFile(REQUIREMENTS);
  const { stdout: version } = await run('python3', ['--version']);
  const home = path.join(CACHE, createHash('sha256').update(pins).update(version).digest('hex').slice(0, 16));
  await mkdir(CACHE, { recursive: true });
  await until(
    'the Python environment is made',
    async () => {
      if (await exists(home)) return true;
      return await withLock(`${home}.lock`, async () => {
        if (!(await exists(home))) await install(home);
        return true;
      });
    },
    { timeoutMs: 2 * INSTALL_TIMEOUT_MS, everyMs: 200 },
  );
  return path.join(home, 'bin/python');
}

/** It appears whole or not at all: its interpreter finds its packages from wherever it was moved. */
async function install(home: string): Promise<void> {
  const draft = `${home}.draft`;
  const options = { timeout: INSTALL_TIMEOUT_MS, maxBuffer: 16 * 1024 * 1024 };
  await rm(draft, { recursive: true, force: true });
  await run('python3', ['-m', 'venv', draft], options);
  const pip = ['-m', 'pip', 'install', '--quiet', '--no-input', '--disable-pip-version-check', '--no-deps'];
  await run(path.join(draft, 'bin/python'), [...pip, '-r', REQUIREMENTS], options);
  await rename(draft, home);
}

/** Undefined while another process holds the lock; that of a dead process is taken away. */
async function withLock<T>(file: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    await writeFile(file, String(process.pid), { flag: 'wx' });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    const holder = Number(await readFile(file, 'utf8').catch(() => ''));
    if (holder > 0 && !isAlive(holder)) await rm(file, { force: true });
    return undefined;
  }
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
