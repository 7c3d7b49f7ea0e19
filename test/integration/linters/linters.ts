/** Linters from package registries, which need no network once they are installed. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { installGoProgram } from '../../contract/go.ts';
import { pythonOf } from '../../contract/python.ts';
import { cacheFolder, installOnce } from '../../installed.ts';

const ACTIONLINT = '1.7.12';

export interface Linters {
  /** Paths of the programs. */
  actionlint: string;
  hadolint: string;
  zizmor: string;
  /** Which has the module check_jsonschema. */
  python: string;
}

/** Undefined, with a warning, where they cannot be installed; in CI that is an error. */
export async function installLinters(): Promise<Linters | undefined> {
  try {
    const [bin, actionlint] = await Promise.all([installPythonLinters(), installActionlint()]);
    const [hadolint, zizmor, python] = ['hadolint', 'zizmor', 'python'].map((name) =>
      path.join(bin, name),
    ) as [string, string, string];
    return { actionlint, hadolint, zizmor, python };
  } catch (cause) {
    const message =
      'Tests of workflows and container files need python3 (with venv and pip), a package index and the module proxy of Go. On Debian and Ubuntu: apt-get install python3-venv.';
    if (process.env.CI) throw new Error(message, { cause });
    console.warn(`SKIPPED. ${message}\n${cause instanceof Error ? cause.message : cause}`);
    return undefined;
  }
}

const installPythonLinters = async (): Promise<string> =>
  path.dirname(await pythonOf(path.join(import.meta.dirname, 'requirements.txt')));

async function installActionlint(): Promise<string> {
  const home = cacheFolder(`imgcls-actionlint-${ACTIONLINT}`);
  await installOnce(home, (draft) =>
    installGoProgram(draft, `github.com/rhysd/actionlint/cmd/actionlint@v${ACTIONLINT}`),
  );
  return path.join(home, 'actionlint');
}

/** What a linter printed on stdout, whether or not it found something. @throws where it did not run. */
export async function findings(program: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    return (await promisify(execFile)(program, args, { cwd })).stdout;
  } catch (error) {
    const { code, stdout } = error as { code: unknown; stdout: string };
    if (typeof code === 'number' && stdout !== '') return stdout;
    throw error;
  }
}
