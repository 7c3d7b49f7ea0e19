import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { isAlive } from './processes.ts';
import type { WorkerFiles } from './worker-files.ts';

/** The end of a worker that this process launched. */
export interface Exit {
  id: string;
  code: number | null;
  signal: NodeJS.Signals | null;
}

interface Running {
  pid: number;
  child: ChildProcess;
  ended: Promise<void>;
}

/** The workers that this process launched itself. The system reports only their exits to it. */
export class Children {
  readonly #files: WorkerFiles;
  readonly #running = new Map<string, Running>();
  #exits: Exit[] = [];
  #nextExit = new AbortController();

  constructor(files: WorkerFiles) {
    this.#files = files;
  }

  /** Aborts at the next exit. */
  get nextExit(): AbortSignal {
    return this.#nextExit.signal;
  }

  /** Whether this process launched the worker and its exit has not been handled yet. */
  isUnhandled(id: string): boolean {
    return this.#running.has(id) || this.#exits.some((exit) => exit.id === id);
  }

  /**
   * @param onSpawn is called with the process id at once; if it throws, the process is killed.
   * @throws the system's error if the process cannot be started.
   */
  async start(
    id: string,
    command: readonly string[],
    env: NodeJS.ProcessEnv,
    onSpawn: (pid: number) => void,
  ): Promise<void> {
    const log = await this.#files.openLog(id);
    const [program = process.execPath, ...args] = command;
    // Imported here because it loads all of Node's network code, which a submitter beside a running worker does not need.
    const { spawn } = await import('node:child_process');
    try {
      // Detached, so that an interrupt at the terminal reaches only the submitter, which drains its workers itself.
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
        onSpawn(pid);
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
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    child.once('exit', (code, signal) => {
      this.#running.delete(id);
      this.#exits.push({ id, code, signal });
      resolve();
      this.#nextExit.abort();
      this.#nextExit = new AbortController();
    });
    this.#running.set(id, { pid, child, ended });
  }

  /** Calls `handle` once for each exit; again if it failed. */
  async handleExits(handle: (exit: Exit) => Promise<void>): Promise<void> {
    // A process may be gone from the system before its exit event arrives.
    const gone = [...this.#running.values()].filter(({ pid }) => !isAlive({ pid }));
    // Children do not keep this process running. Here it must not end before the exit event, even without other work.
    for (const { child } of gone) child.ref();
    await Promise.all(gone.map(({ ended }) => ended));
    for (const exit of this.#exits) {
      await handle(exit);
      this.#exits = this.#exits.filter((other) => other !== exit);
    }
  }
}

export const howEnded = ({ code, signal }: Exit): string =>
  signal === null ? `code ${code}` : `signal ${signal}`;
