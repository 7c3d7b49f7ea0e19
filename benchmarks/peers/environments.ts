/** Installs what the contenders of others need into the user's cache, where it stays. Other pins get a new folder. */
import { execFile } from 'node:child_process';
import { hash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { installPython } from '../../test/contract/python.ts';
import { cacheFolder, installOnce } from '../../test/installed.ts';

const run = promisify(execFile);
const CACHE = cacheFolder('imgcls-peers');
/** A file of this folder. */
export const peerFile = (name: string): string => path.join(import.meta.dirname, name);

/** The pinned version of a package in a file of Python's requirements. */
export function pinnedVersion(requirements: string, name: string): string {
  const pins = readFileSync(peerFile(requirements), 'utf8').split('\n');
  const version = pins.find((pin) => pin.startsWith(`${name}==`))?.slice(name.length + 2);
  if (version === undefined) throw new Error(`${requirements} has no version of ${name}.`);
  return version;
}

/**
 * The interpreter of a Python environment with the packages of a file.
 * @throws if this machine has no Python that can make one.
 */
export async function pythonWith(requirements: string): Promise<string> {
  const version = await pythonVersion();
  const pins = readFileSync(peerFile(requirements), 'utf8');
  const home = homeOf(path.parse(requirements).name, pins + version);
  if (!existsSync(home)) {
    announce(`the Python packages of ${requirements}`, home);
    await installPython(home, peerFile(requirements));
  }
  return path.join(home, 'bin', 'python');
}

async function pythonVersion(): Promise<string> {
  const check = 'import sys, ensurepip, venv; assert sys.version_info >= (3, 11); print(sys.version)';
  try {
    return (await run('python3', ['-c', check])).stdout;
  } catch (cause) {
    throw new Error(
      'No python3 (3.11 or later) with venv and pip found. On Debian and Ubuntu: apt-get install python3-venv.',
      { cause },
    );
  }
}

export const TRANSFORMERS = '@huggingface/transformers@4.3.2';

/** A script that uses transformers.js, in a folder in which it finds the package. */
export async function transformersScript(source = peerFile('transformers.mjs')): Promise<string> {
  const home = homeOf('transformers', TRANSFORMERS);
  if (!existsSync(home)) {
    announce(TRANSFORMERS, home);
    // Its runtime comes with the package; its install script would fetch one for GPUs.
    const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--save-exact'];
    await installOnce(home, async (draft) => {
      await run('npm', ['install', ...flags, '--prefix', draft, TRANSFORMERS]);
    });
  }
  const script = path.join(home, path.basename(source));
  await copyFile(source, script);
  return script;
}

const homeOf = (name: string, pins: string): string =>
  path.join(CACHE, `${name}-${hash('sha256', pins).slice(0, 16)}`);

const announce = (what: string, home: string) => console.error(`Installing ${what} in ${home}.`);
