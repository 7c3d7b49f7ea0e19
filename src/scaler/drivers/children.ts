import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Clock } from '../../core/runtime/clock.ts';
import { isAlive } from './processes.ts';
import type { WorkerFiles } from './worker-files.ts';

/** Signals that others send, and no process raises by a mistake of its own. */
const FROM_OUTSIDE: readonly unknown[] = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGKILL'];

/** How a worker that this process launched has ended. Times are of the monotonic clock. */
export interface Exit {
  id: string;
  launchedMs: number;
  endedMs: number;
  code: number | null;
  signal: NodeJS.Signals | null;
}

interface Running {
  launchedMs: number;
  pid: number;
  child: ChildProcess;
  ended: Promise<void>;
}

/** The workers that this process launched itself: only their ends are told to it. */
export class Children {
  readonly #files: WorkerFiles;
  readonly #clock: Clock;
  readonly #running = new Map<string, Running>();
  #exits: Exit[] = [];

  constructor(files: WorkerFiles, clock: Clock) {
    this.#files = files;
    this.#clock = clock;
  }

  /** When it was launched, while its end is not known. */
  launchedMs(id: string): number | undefined {
    return this.#running.get(id)?.launchedMs;
  }

  /** Whether it was launched here, and its end is still to come or to be handed over. */
  isUnsettled(id: string): boolean {
    return this.#running.has(id) || this.#exits.some((exit) => exit.id === id);
  }

  /**
   * @param launched is told the process as soon as there is one; when it throws, the process is ended again.
   * @throws the system's error when there is none.
   */
  async start(
    id: string,
    command: readonly string[],
    env: NodeJS.ProcessEnv,
    launched: (pid: number) => void,
  ): Promise<void> {
    const log = await this.#files.openLog(id);
    const [program = process.execPath, ...args] = command;
    // Loaded here, with all of Node's network that it brings along: a submitter beside whom a worker runs needs none of it.
    const { spawn } = await import('node:child_process');
    try {
      // Detached: an interrupt at the terminal is for the submitter alone, which drains its workers itself.
      const child = spawn(program, [...args, '--id', id], {
        detached: true,
        stdio: ['ignore', log.fd, log.fd],
        env,
      });
      const { pid } = child;
      if (pid === undefined) {
        await once(child, 'spawn');
        return;
      }
      child.unref();
      try {
        launched(pid);
      } catch (error) {
        child.kill('SIGKILL');
        throw error;
      }
      this.#watch(id, pid, child);
    } finally {
      await log.close();
    }
  }

  #watch(id: string, pid: number, child: ChildProcess): void {
    const launchedMs = this.#clock.monotonicMs();
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    child.once('exit', (code, signal) => {
      this.#running.delete(id);
      this.#exits.push({ id, launchedMs, endedMs: this.#clock.monotonicMs(), code, signal });
      resolve();
    });
    this.#running.set(id, { launchedMs, pid, child, ended });
  }

  /** Hands over each end once; where handling it fails, it is handed over again. */
  async settle(handle: (exit: Exit) => Promise<void>): Promise<void> {
    // The system may show that a process is gone before its end is told to us.
    const gone = [...this.#running.values()].filter(({ pid }) => !isAlive({ pid }));
    // A child keeps nobody running; who waits for its end must not end before it, with nothing else to do.
    for (const { child } of gone) child.ref();
    await Promise.all(gone.map(({ ended }) => ended));
    for (const exit of this.#exits) {
      await handle(exit);
      this.#exits = this.#exits.filter((other) => other !== exit);
    }
  }
}

/** Whether it failed by itself. A ready worker that was killed from outside says nothing about the next one. */
export function isCrash({ code, signal }: Exit, wasReady: boolean): boolean {
  if (signal === null) return code !== 0;
  return signal === 'SIGKILL' ? !wasReady : !FROM_OUTSIDE.includes(signal);
}

export const howEnded = ({ code, signal }: Exit): string =>
  signal === null ? `code ${code}` : `signal ${signal}`;
