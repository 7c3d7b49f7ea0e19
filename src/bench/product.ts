/** The measured program, started as its users start it: commands and workers as separate processes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { onAbort } from '../core/runtime/abort.ts';
import { ImgclsError } from '../core/runtime/errors.ts';

/** Time from SIGTERM to SIGKILL. */
const GRACE_MS = 20_000;
const KEPT_CHARACTERS = 4000;

export interface Finished {
  code: number | null;
  /** From just before the start to the exit. */
  tookMs: number;
  stdout: string;
  /** Both outputs keep only their end. */
  stderr: string;
}

export interface RunningWorker {
  pid: number;
  /** From just before the start until it had its model and received messages. */
  readyMs: number;
  /** Milestones by name: milliseconds from the start of its process. */
  milestones: Readonly<Record<string, number>>;
  /** Resolves when the process has ended. */
  end(): Promise<void>;
}

export interface ProductOptions {
  /** The program and its first argument. */
  command: readonly [string, string];
  /** Aborts when the user interrupts. Running processes get a SIGTERM. */
  signal: AbortSignal;
}

export class Product {
  readonly #options: ProductOptions;
  readonly #children = new Set<ChildProcess>();

  constructor(options: ProductOptions) {
    this.#options = options;
  }

  /**
   * Runs a command to its end.
   * @throws the signal's reason if it aborted meanwhile, after the command has ended.
   */
  async run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Finished> {
    const { signal } = this.#options;
    signal.throwIfAborted();
    const startMs = performance.now();
    const child = this.#start(args, env);
    const output = collect(child);
    const forget = onAbort(signal, () => void endOf(child));
    const exited = once(child, 'exit').then(([code]) => ({ code, tookMs: performance.now() - startMs }));
    const [{ code, tookMs }] = await Promise.all([exited, once(child, 'close')]).finally(forget);
    signal.throwIfAborted();
    return { code, tookMs, ...output() };
  }

  /**
   * Starts a worker and waits until it has its model, which its log shows at once and its status up to 15 s later.
   * @throws {ImgclsError} of kind `permanent` if it ends before.
   */
  async startWorker(env: NodeJS.ProcessEnv): Promise<RunningWorker> {
    const { signal } = this.#options;
    signal.throwIfAborted();
    const startMs = performance.now();
    const child = this.#start(['worker'], { ...env, IMGCLS_LOG_LEVEL: 'debug' });
    const milestones: Record<string, number> = {};
    const forget = onAbort(signal, () => void endOf(child));
    const readyMs = await new Promise<number | undefined>((resolve) => {
      child.once('exit', () => resolve(undefined));
      eachLine(child, (line) => {
        const reached = milestoneOf(line);
        if (reached === undefined) return;
        milestones[reached.milestone] = reached.ms;
        if ('readyMs' in milestones && 'modelReadyMs' in milestones) resolve(performance.now() - startMs);
      });
    });
    forget();
    signal.throwIfAborted();
    if (readyMs === undefined)
      throw new ImgclsError('permanent', 'A worker ended before it was ready.', {
        hint: '"imgcls worker" shows why.',
      });
    return { pid: child.pid ?? 0, readyMs, milestones, end: () => endOf(child) };
  }

  /** Ends all running processes. */
  async close(): Promise<void> {
    await Promise.all([...this.#children].map(endOf));
  }

  #start(args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
    const [program, ...first] = this.#options.command;
    const child = spawn(program, [...first, ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      // Ctrl-C must reach only this process: a second signal would keep the command from ending its own children.
      detached: process.platform !== 'win32',
    });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    child.once('error', () => this.#children.delete(child));
    return child;
  }
}

function collect(child: ChildProcess): () => Pick<Finished, 'stdout' | 'stderr'> {
  const text = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.setEncoding('utf8').on('data', (chunk: string) => {
      text[name] = (text[name] + chunk).slice(-KEPT_CHARACTERS);
    });
  return () => text;
}

function eachLine(child: ChildProcess, take: (line: string) => void): void {
  let rest = '';
  child.stdout?.resume();
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(take);
  });
}

/** The boot milestone in a line of the worker's log, if it has one. */
export function milestoneOf(line: string): { milestone: string; ms: number } | undefined {
  try {
    const { milestone, ms } = JSON.parse(line);
    return typeof milestone === 'string' && typeof ms === 'number' ? { milestone, ms } : undefined;
  } catch {
    // The last output of a crashed process is not JSON.
    return undefined;
  }
}

async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  await exited;
  clearTimeout(force);
}
