import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { until } from '../contract/until.ts';
import { inDataDir, ofProcess, processesOf } from '../e2e/package.ts';
import { PLAN_VARIABLE } from './plan.ts';

const inject = path.join(import.meta.dirname, 'inject.ts');
const runner = path.join(import.meta.dirname, 'children/runner.ts');

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Leases of a run are short: what a worker held that was killed or hangs comes back soon. */
export const LEASE_SECONDS = 4;

/** A worker that drains takes no longer. */
const GONE_MS = 90_000;

/** A process of a run that signals can be sent to. */
export interface Target {
  readonly role: string;
  send(signal: NodeJS.Signals): void;
  /** Resolves when it has ended. */
  gone(): Promise<unknown>;
}

/** One `imgcls` of a run. */
export interface Started extends Target {
  readonly ended: Promise<Ended>;
  readonly isRunning: boolean;
}

export interface ProcessesOptions {
  /** The `imgcls` that is started. */
  bin: string;
  dataDir: string;
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** The file of the fault plan. */
  plan?: string;
}

/** The processes of one run, and all that they start. */
export class Processes {
  readonly #options: ProcessesOptions;
  readonly #env: NodeJS.ProcessEnv;
  readonly #started: Started[] = [];
  #isOver = false;

  constructor(options: ProcessesOptions) {
    this.#options = options;
    const ours = Object.entries(process.env).filter(([name]) => !/^(IMGCLS|VITEST|NODE)_/.test(name));
    this.#env = {
      ...Object.fromEntries(ours),
      ...options.env,
      ...inDataDir(options.dataDir),
      IMGCLS_RUNNER_ENTRY: runner,
      IMGCLS_RUNNERS: '1',
      IMGCLS_LEASE_SECONDS: String(LEASE_SECONDS),
    };
  }

  /** Under the faults of the plan. */
  start(...args: string[]): Started {
    const faults = { NODE_OPTIONS: `--import ${inject}`, [PLAN_VARIABLE]: this.#options.plan };
    return this.#spawn(args, { ...this.#env, ...faults });
  }

  /** With a world that is well. */
  async calmly(...args: string[]): Promise<Ended> {
    return await this.#spawn(args, this.#env).ended;
  }

  running(roles: readonly string[]): Started[] {
    return this.#started.filter((each) => each.isRunning && roles.includes(each.role));
  }

  /** Workers that a controller of this run has launched. */
  async launched(): Promise<Target[]> {
    const found: Target[] = [];
    for (const pid of await this.#left()) {
      if (!ofProcess(pid, 'cmdline').includes('\0worker\0--managed\0')) continue;
      const isGone = async () => !(await this.#left()).includes(pid) || undefined;
      const gone = () => until(`worker ${pid} has ended`, isGone, { timeoutMs: GONE_MS });
      found.push({ role: 'worker', send: (signal) => send(pid, signal), gone });
    }
    return found;
  }

  /** Kills all that is left, by its id: also what was started by those that were killed. Nothing starts any more. */
  async end(): Promise<void> {
    this.#isOver = true;
    for (const each of this.#started) each.send('SIGKILL');
    await until('no process of the run is left', async () => {
      const left = await this.#left();
      for (const pid of left) send(pid, 'SIGKILL');
      return left.length === 0 || undefined;
    });
    await Promise.all(this.#started.map(({ ended }) => ended));
  }

  #left(): Promise<number[]> {
    return processesOf(this.#options.dataDir);
  }

  #spawn(args: readonly string[], env: NodeJS.ProcessEnv): Started {
    if (this.#isOver) throw new Error('The run is over.');
    const { bin, cwd, dataDir } = this.#options;
    const child = spawn(process.execPath, [bin, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stderr.pipe(createWriteStream(path.join(dataDir, `${args[0]}-${child.pid}.log`)));
    const ended = collect(child);
    const started: Started = {
      role: args[0] ?? '',
      ended,
      gone: () => ended,
      get isRunning() {
        return child.exitCode === null && child.signalCode === null;
      },
      send: (signal) => void child.kill(signal),
    };
    this.#started.push(started);
    return started;
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself meanwhile.
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
