import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { ImgclsError } from '../../core/errors.ts';
import { type WorkerStatus, workerStatus } from '../../core/fleet.ts';
import { FLEET_PREFIX, workerStatusKey } from '../../core/keys.ts';
import type { Store } from '../../core/ports.ts';
import { parseVersioned } from '../../core/versioned.ts';
import type { Fleet } from '../fleet.ts';

/** After so many workers in a row that ended by themselves with an error, something is wrong that a restart cannot mend. */
const MAX_CRASHES = 3;
/** A worker that lived this long before it crashed was no failure to start. */
const SOUND_LIFE_MS = 30_000;
/** What a worker has begun ends well within this. */
const DRAIN_MS = 60_000;
const KILL_MS = 5000;
const LAST_WORDS_BYTES = 2000;

export interface ProcessFleetOptions {
  output: Store;
  /** The program and its arguments; `--id WORKER_ID` is added. */
  command: readonly string[];
  env: NodeJS.ProcessEnv;
  /** Each worker writes its log to a file of its own here. */
  logDir: string;
  host: string;
  clock: Clock;
  newWorkerId(): string;
}

interface Launched {
  id: string;
  child: ChildProcess;
  logFile: string;
}

/**
 * Workers as processes of this machine. They outlive the controller that started them: the next one knows them by
 * their status in the store and adopts them.
 */
export function createProcessFleet(options: ProcessFleetOptions): Fleet {
  const { output, clock, host } = options;
  /** Ours that still run. */
  const children = new Map<string, Launched>();
  let crashes = 0;
  let lastCrash: Launched | undefined;

  async function launch(): Promise<void> {
    if (crashes >= MAX_CRASHES && lastCrash !== undefined) {
      throw new ImgclsError(
        'permanent',
        `Workers end as soon as they start. The last one said:\n${await lastWords(lastCrash)}`,
        {
          hint: `The whole log is in ${lastCrash.logFile}.`,
        },
      );
    }
    const id = options.newWorkerId();
    await mkdir(options.logDir, { recursive: true });
    const logFile = path.join(options.logDir, `${id}.log`);
    const log = await open(logFile, 'a', 0o600);
    const [program = process.execPath, ...args] = options.command;
    try {
      // Detached: an interrupt at the terminal is for the submitter alone, which drains its workers itself.
      const child = spawn(program, [...args, '--id', id], {
        detached: true,
        stdio: ['ignore', log.fd, log.fd],
        env: options.env,
      });
      child.unref();
      const launched = { id, child, logFile };
      const startMs = clock.monotonicMs();
      const ended = (failed: boolean) => {
        children.delete(id);
        // A worker that ended well has nothing to tell.
        if (!failed) void rm(logFile, { force: true });
        if (!failed) crashes = 0;
        else if (clock.monotonicMs() - startMs >= SOUND_LIFE_MS) crashes = 1;
        else crashes++;
        if (failed) lastCrash = launched;
      };
      child.once('exit', (code, signal) => ended(code !== 0 || signal !== null));
      child.once('error', () => ended(true));
      children.set(id, launched);
    } finally {
      await log.close();
    }
  }

  /** What the workers of this machine say about themselves; the status of those that were killed is removed. */
  async function statuses(): Promise<WorkerStatus[]> {
    const found: WorkerStatus[] = [];
    for await (const { key } of output.list(FLEET_PREFIX)) {
      const object = await output.get(key).catch(() => undefined);
      if (object === undefined) continue;
      const status = readStatus(object.body);
      if (status?.host !== host) continue;
      if (await isWorker(status.pid)) found.push(status);
      else await output.delete([workerStatusKey(status.id)]);
    }
    return found;
  }

  async function drain(): Promise<void> {
    const pids = new Set((await statuses()).filter(({ managed }) => managed).map(({ pid }) => pid));
    for (const { child } of children.values()) if (child.pid !== undefined) pids.add(child.pid);
    for (const pid of pids) send(pid, 'SIGTERM');
    if (await untilAllEnd(pids, DRAIN_MS)) return;
    for (const pid of pids) send(pid, 'SIGKILL');
    await untilAllEnd(pids, KILL_MS);
  }

  async function untilAllEnd(pids: ReadonlySet<number>, limitMs: number): Promise<boolean> {
    const deadlineMs = clock.monotonicMs() + limitMs;
    for (;;) {
      const alive = await Promise.all([...pids].map(isWorker));
      if (!alive.includes(true)) return true;
      if (clock.monotonicMs() > deadlineMs) return false;
      await clock.sleep(20);
    }
  }

  return {
    async capacity() {
      const reported = await statuses();
      const takingWork = reported.filter(({ state }) => state !== 'draining' && state !== 'outdated');
      const reportedIds = new Set(reported.map(({ id }) => id));
      const silent = [...children.keys()].filter((id) => !reportedIds.has(id));
      return takingWork.length + silent.length;
    },
    launch,
    drain,
  };
}

/** @returns false when there is no such process. */
function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/**
 * Whether the process is there and a worker. Its id may have been given to another program since: where the system
 * shows command lines, ours says `worker`, and one that has ended without being waited for says nothing.
 */
async function isWorker(pid: number): Promise<boolean> {
  if (!send(pid, 0)) return false;
  if (process.platform !== 'linux') return true;
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return commandLine.split('\0').includes('worker');
}

/** Undefined where the status is not readable for us, a newer imgcls's say: that worker is not counted. */
function readStatus(body: Uint8Array): WorkerStatus | undefined {
  try {
    return parseVersioned(workerStatus, new TextDecoder().decode(body), 'worker status');
  } catch {
    return undefined;
  }
}

async function lastWords({ logFile }: Launched): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '(its log cannot be read)');
  return text.slice(-LAST_WORDS_BYTES).trim();
}
