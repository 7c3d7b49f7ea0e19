import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { processesOf } from '../e2e/package.ts';
import { PLAN_VARIABLE } from './plan.ts';

const bin = path.resolve(import.meta.dirname, '../../bin/imgcls.js');
const inject = path.join(import.meta.dirname, 'inject.ts');
const runner = path.join(import.meta.dirname, 'children/runner.ts');

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** One `imgcls` of a run. */
export interface Started {
  readonly role: string;
  readonly ended: Promise<Ended>;
  readonly isRunning: boolean;
  kill(): void;
}

/** The processes of one run, and all that they start. */
export class Processes {
  readonly #dataDir: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #plan: string;
  readonly #cwd: string;
  #started: Started[] = [];

  /** @param plan the file of the fault plan. */
  constructor({
    dataDir,
    env,
    plan,
    cwd,
  }: { dataDir: string; env: NodeJS.ProcessEnv; plan: string; cwd: string }) {
    this.#dataDir = dataDir;
    this.#plan = plan;
    this.#cwd = cwd;
    const ours = Object.entries(process.env).filter(([name]) => !/^(IMGCLS|VITEST|NODE)_/.test(name));
    this.#env = {
      ...Object.fromEntries(ours),
      ...env,
      IMGCLS_DATA_DIR: dataDir,
      IMGCLS_RUNNER_ENTRY: runner,
      IMGCLS_RUNNERS: '1',
      IMGCLS_LEASE_SECONDS: '4',
    };
  }

  /** Under the faults of the plan. */
  start(...args: string[]): Started {
    const faults = { NODE_OPTIONS: `--import ${inject}`, [PLAN_VARIABLE]: this.#plan };
    return this.#spawn(args, { ...this.#env, ...faults });
  }

  /** With a world that is well. */
  async calmly(...args: string[]): Promise<Ended> {
    return await this.#spawn(args, this.#env).ended;
  }

  running(role: string): Started[] {
    return this.#started.filter((each) => each.isRunning && each.role === role);
  }

  /** Ends all that is left, by its id: also what those started that were killed. */
  async end(): Promise<void> {
    for (const each of this.#started) each.kill();
    await Promise.all(this.#started.map(({ ended }) => ended));
    for (const pid of await processesOf(this.#dataDir)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself meanwhile.
      }
    }
  }

  #spawn(args: readonly string[], env: NodeJS.ProcessEnv): Started {
    const child = spawn(process.execPath, [bin, ...args], {
      cwd: this.#cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const log = createWriteStream(path.join(this.#dataDir, `${args[0]}-${child.pid}.log`));
    child.stderr.pipe(log);
    const started: Started = {
      role: args[0] ?? '',
      ended: collect(child),
      get isRunning() {
        return child.exitCode === null && child.signalCode === null;
      },
      kill: () => void child.kill('SIGKILL'),
    };
    this.#started.push(started);
    return started;
  }
}

function collect(child: ChildProcess): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}
