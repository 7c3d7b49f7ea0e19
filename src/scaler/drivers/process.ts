import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { type WorkerStatus, workerStatus } from '../../core/fleet.ts';
import { FLEET_PREFIX, workerStatusKey } from '../../core/keys.ts';
import type { Store } from '../../core/ports.ts';
import { parseVersioned } from '../../core/versioned.ts';
import type { FleetDriver, FleetMember, LaunchAnswer, LaunchRequest } from '../fleet.ts';
import { Crashes } from './crashes.ts';
import { send, startTicks } from './processes.ts';
import { isAlive, type WorkerFile, WorkerFiles } from './worker-files.ts';

/** What a worker has begun ends well within this. */
const DRAIN_MS = 60_000;
const LAST_WORDS_BYTES = 2000;

export interface ProcessFleetOptions {
  output: Store;
  /** The program and its arguments; `--id WORKER_ID` is added. */
  command: readonly string[];
  env: NodeJS.ProcessEnv;
  /** Each worker writes its log to a file of its own here, beside one that names its process. */
  logDir: string;
  host: string;
  /** Price of a worker's hour. */
  hourlyUsd: number;
  clock: Clock;
  /** 0 (inclusive) to 1 (exclusive). */
  random(): number;
  newWorkerId(): string;
  /** A retired worker that is still there after so long is killed. */
  drainMs?: number;
}

/** Cores for each worker, so that `max` of them fill the machine. */
export const runnersPerWorker = (cores: number, max: number): number =>
  Math.max(1, Math.floor(cores / Math.max(1, max)));

/**
 * Workers as processes of this machine. They outlive the controller that started them: the next one knows them by a
 * file beside their log, and by their status in the store, and adopts them.
 */
export function createProcessFleet(options: ProcessFleetOptions): FleetDriver {
  const { output, clock, host, hourlyUsd, drainMs = DRAIN_MS } = options;
  const files = new WorkerFiles(options.logDir);
  const crashes = new Crashes(clock, options.random);

  /** Those that are alive; what is left of the others is removed, and those that do not end in time are killed. */
  async function living(): Promise<WorkerFile[]> {
    const known = new Map((await files.list()).map((file) => [file.id, file]));
    for (const status of await statuses()) {
      const { id, pid, managed, startedAtMs: launchedAtMs } = status;
      // One that this process knows is ended, or whose process is gone, left its status behind.
      if (!known.has(id) && !(await isAlive({ pid }))) await output.delete([workerStatusKey(id)]);
      else if (!known.has(id) && managed) known.set(id, { id, pid, launchedAtMs, decision: '' });
    }
    const found: WorkerFile[] = [];
    for (const file of known.values()) {
      if (!(await isAlive(file))) {
        await files.remove(file.id);
        await output.delete([workerStatusKey(file.id)]);
        continue;
      }
      if (file.retiredAtMs !== undefined && clock.nowMs() - file.retiredAtMs > drainMs)
        send(file.pid, 'SIGKILL');
      found.push(file);
    }
    return found;
  }

  async function statuses(): Promise<WorkerStatus[]> {
    const found: WorkerStatus[] = [];
    for await (const { key } of output.list(FLEET_PREFIX)) {
      const object = await output.get(key).catch(() => undefined);
      const status = object && readStatus(object.body);
      if (status?.host === host) found.push(status);
    }
    return found;
  }

  async function launch({ count, decision }: LaunchRequest): Promise<LaunchAnswer> {
    if (crashes.isHopeless) return { started: [], permanent: { count, why: await lastWords() } };
    const { pauseMs, last } = crashes;
    if (pauseMs > 0) {
      const why = `worker ${last?.id} ended with ${last?.how}; the next is started in ${Math.ceil(pauseMs / 1000)} s`;
      return { started: [], retryable: { count, why } };
    }
    const before = (await files.list()).filter((file) => file.decision === decision).map(({ id }) => id);
    const started = [...before];
    while (started.length < count) started.push(await start(decision));
    return { started };
  }

  async function start(decision: string): Promise<string> {
    const id = options.newWorkerId();
    await mkdir(options.logDir, { recursive: true });
    const log = await open(files.logFile(id), 'a', 0o600);
    const [program = process.execPath, ...args] = options.command;
    try {
      // Detached: an interrupt at the terminal is for the submitter alone, which drains its workers itself.
      const child = spawn(program, [...args, '--id', id], {
        detached: true,
        stdio: ['ignore', log.fd, log.fd],
        env: options.env,
      });
      child.unref();
      const startMs = clock.monotonicMs();
      child.once('exit', (code, signal) => ended(id, code, signal, clock.monotonicMs() - startMs));
      child.once('error', ({ message }) => crashes.add({ id, how: message }, 0));
      if (child.pid !== undefined) {
        const since = await startTicks(child.pid);
        const file = { id, pid: child.pid, launchedAtMs: clock.nowMs(), decision };
        await files.write({ ...file, ...(since !== undefined && { startTicks: since }) });
      }
    } finally {
      await log.close();
    }
    return id;
  }

  function ended(id: string, code: number | null, signal: NodeJS.Signals | null, lifeMs: number): void {
    if (code === 0) {
      crashes.endedWell();
      // A worker that ended well has nothing to tell.
      void rm(files.logFile(id), { force: true }).catch(() => {});
      return;
    }
    // Somebody killed it: that says nothing about the next one.
    if (signal === 'SIGKILL' || signal === 'SIGTERM') return;
    crashes.add({ id, how: code === null ? `signal ${signal}` : `code ${code}` }, lifeMs);
  }

  async function lastWords(): Promise<string> {
    const logFile = files.logFile(crashes.last?.id ?? '');
    const text = await readFile(logFile, 'utf8').catch(() => '(its log cannot be read)');
    const words = text.slice(-LAST_WORDS_BYTES).trim();
    return `Workers end as soon as they start. The last one said:\n${words}\nThe whole log is in ${path.resolve(logFile)}.`;
  }

  return {
    async members() {
      return (await living()).map(({ id, pid, launchedAtMs, retiredAtMs }): FleetMember => {
        const state = retiredAtMs === undefined ? 'running' : 'draining';
        return { id, state, launchedAtMs, hourlyUsd, kind: `process ${pid}` };
      });
    },
    launch,
    async retire(ids) {
      for (const file of await living()) {
        // A second signal would end it at once, and not once it has finished what it has begun.
        if (!ids.includes(file.id) || file.retiredAtMs !== undefined) continue;
        await files.write({ ...file, retiredAtMs: clock.nowMs() });
        send(file.pid, 'SIGTERM');
      }
    },
    async terminate(ids) {
      for (const { id, pid } of await living()) if (ids.includes(id)) send(pid, 'SIGKILL');
    },
    async hourlyUsd() {
      return hourlyUsd;
    },
  };
}

/** Undefined where the status is not readable for us, a newer imgcls's say: that worker is known by its file. */
function readStatus(body: Uint8Array): WorkerStatus | undefined {
  try {
    return parseVersioned(workerStatus, new TextDecoder().decode(body), 'worker status');
  } catch {
    return undefined;
  }
}
