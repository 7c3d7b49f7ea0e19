/**
 * Workers as processes of this machine. They outlive the controller that launched them. The next controller finds them by a
 * file beside their log (worker-files.ts) and by their status, and adopts them.
 */

import type { Store } from '../../core/cloud/ports.ts';
import { isStopping } from '../../core/fleet/fleet.ts';
import { type Clock, monotonicAt } from '../../core/runtime/clock.ts';
import { isTransient, messageOf } from '../../core/runtime/errors.ts';
import type { FleetDriver, FleetMember, LaunchAnswer, LaunchRequest } from '../fleet.ts';
import { deleteEndedStatus, type WorkerObservation, WorkerStatusReader } from '../statuses.ts';
import { Children, type Exit, howEnded } from './children.ts';
import { identify, isAlive, isCalledWith, kill, send } from './processes.ts';
import { type WorkerFile, WorkerFiles } from './worker-files.ts';

/** A worker finishes what it has begun well within this. */
export const DRAIN_MS = 60_000;
/** Workers of which it is remembered how they ended. The controller asks at its next tick. */
const REMEMBERED_ENDS = 100;
/** Shortages that a retry can overcome. */
const TRANSIENT_CODES: readonly unknown[] = ['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE', 'ENOSPC'];

/** Command and price may change while it runs. */
export interface ProcessFleetOptions {
  output: Store;
  /** The program and its arguments. `--id WORKER_ID` is appended. */
  command: readonly string[];
  env: NodeJS.ProcessEnv;
  /** Contains a log for each worker, and a file that names its process. */
  logDir: string;
  host: string;
  /** Price of a worker's hour. */
  hourlyUsd?: number;
  clock: Clock;
  newWorkerId(): string;
  /** A retired worker that still runs after this time is killed. */
  drainMs?: number;
}

/** Model runners per worker, one per core, so that `max` workers use the whole machine. */
export const runnersPerWorker = (cores: number, max: number): number =>
  Math.max(1, Math.floor(cores / Math.max(1, max)));

export function createProcessFleet(options: ProcessFleetOptions): FleetDriver {
  return new ProcessFleet(options);
}

class ProcessFleet implements FleetDriver {
  readonly #options: ProcessFleetOptions;
  readonly #files: WorkerFiles;
  readonly #children: Children;
  /** How workers ended: "code 1", "signal SIGSEGV". */
  readonly #ends = new Map<string, string>();
  readonly #statuses: WorkerStatusReader;
  readonly #ready = new Set<string>();
  /** Since when workers drain, by the monotonic clock: the wall clock may be set. */
  readonly #drainingSinceMs = new Map<string, number>();

  constructor(options: ProcessFleetOptions) {
    const { output, clock, logDir } = options;
    this.#options = options;
    this.#files = new WorkerFiles(logDir);
    this.#children = new Children(this.#files);
    this.#statuses = new WorkerStatusReader(output, clock);
  }

  async members(): Promise<FleetMember[]> {
    return (await this.#livingWorkers()).map(({ id, pid, launchedAtMs, retiredAtMs }) => ({
      id,
      state: retiredAtMs === undefined ? 'running' : 'draining',
      launchedAtMs,
      hourlyUsd: this.#hourlyUsd,
      kind: `process ${pid}`,
    }));
  }

  async launch({ count }: LaunchRequest): Promise<LaunchAnswer> {
    const started: string[] = [];
    try {
      while (started.length < count) started.push(await this.#start());
      return { started };
    } catch (error) {
      const why = `a worker could not be started: ${messageOf(error)}`;
      const isRetryable =
        isTransient(error) || TRANSIENT_CODES.includes((error as NodeJS.ErrnoException).code);
      const rest = { count: count - started.length, why };
      return isRetryable ? { started, retryable: rest } : { started, permanent: rest };
    }
  }

  async retire(ids: readonly string[]): Promise<void> {
    for (const file of await this.#livingWorkers()) {
      // A second signal would end the worker at once, without finishing what it has begun.
      if (!ids.includes(file.id) || file.retiredAtMs !== undefined) continue;
      this.#recordRetired(file);
      send(file.pid, 'SIGTERM');
    }
  }

  async terminate(ids: readonly string[]): Promise<void> {
    for (const file of await this.#livingWorkers()) {
      if (!ids.includes(file.id)) continue;
      if (file.retiredAtMs === undefined) this.#recordRetired(file);
      kill(file.pid);
    }
  }

  nextEnd(): AbortSignal {
    return this.#children.nextExit;
  }

  async hourlyUsd(): Promise<number> {
    return this.#hourlyUsd;
  }

  get #hourlyUsd(): number {
    return this.#options.hourlyUsd ?? 0;
  }

  async explain(id: string): Promise<string> {
    const how = this.#ends.get(id);
    const tail = await this.#files.logTail(id);
    const log =
      tail === ''
        ? 'Its log is empty.'
        : `Its log ends with:\n${tail}\nThe whole log is in ${this.#files.logPath(id)}.`;
    return how === undefined ? log : `Its process ended with ${how}. ${log}`;
  }

  /** Also cleans up after workers that have ended, and kills those that did not drain in time. */
  async #livingWorkers(): Promise<WorkerFile[]> {
    const { drainMs = DRAIN_MS } = this.#options;
    // Read before the files: a worker that has a status but no file was launched without one.
    const observations = await this.#statuses.read();
    const handleExits = () => this.#children.handleExits((exit) => this.#handleExit(exit, observations));
    await handleExits();
    const living: WorkerFile[] = [];
    for (const file of await this.#allFiles(observations)) {
      if (!isAlive(file)) {
        // A child may have ended just now. Its files must be gone when it is not a member any more.
        if (this.#children.isUnhandled(file.id)) await handleExits();
        else await this.#cleanUp(file, observations);
        continue;
      }
      const current = this.#applyStatus(file, observations.get(file.id));
      if (this.#drainingForMs(current) > drainMs) kill(current.pid);
      living.push(current);
    }
    return living;
  }

  /** The workers of this machine. A running one that has a status but no file is adopted: it gets a file. */
  async #allFiles(observations: ReadonlyMap<string, WorkerObservation>): Promise<WorkerFile[]> {
    const { output, host } = this.#options;
    const recorded = (await this.#files.list()).filter((file) => file.host === host);
    const ids = new Set(recorded.map(({ id }) => id));
    for (const [id, { status }] of observations) {
      if (status?.host !== host || ids.has(id)) continue;
      const { pid, managed, startedAtMs } = status;
      if (!isCalledWith(pid, managed ? id : 'worker')) await deleteEndedStatus(output, id);
      else if (managed) {
        const file = { id, host, launchedAtMs: startedAtMs, ...identify(pid) };
        this.#files.write(file);
        recorded.push(file);
      }
    }
    return recorded;
  }

  /** Records what the status of a living worker says: that it is ready, or draining. */
  #applyStatus(file: WorkerFile, worker: WorkerObservation | undefined): WorkerFile {
    const status = worker?.status;
    if (status?.boot.readyMs !== undefined) this.#ready.add(file.id);
    // A worker that drains by itself needs no signal, and gets the same time as others.
    const isLeaving = status !== undefined && isStopping(status.state);
    return isLeaving && file.retiredAtMs === undefined ? this.#recordRetired(file) : file;
  }

  /** 0 for a worker that does not drain. */
  #drainingForMs({ id, retiredAtMs }: WorkerFile): number {
    const { clock } = this.#options;
    if (retiredAtMs === undefined) return 0;
    const sinceMs = this.#drainingSinceMs.get(id) ?? monotonicAt(clock, retiredAtMs);
    this.#drainingSinceMs.set(id, sinceMs);
    return clock.monotonicMs() - sinceMs;
  }

  /** Called before the signal is sent, so that no controller sends a second one. */
  #recordRetired(file: WorkerFile): WorkerFile {
    const retired = { ...file, retiredAtMs: this.#options.clock.nowMs() };
    this.#files.write(retired);
    return retired;
  }

  /** Handles the exit of a child. Its file is gone if another controller has already cleaned up. */
  async #handleExit(exit: Exit, observations: ReadonlyMap<string, WorkerObservation>): Promise<void> {
    const { id } = exit;
    this.#ends.set(id, howEnded(exit));
    for (const [oldest] of this.#ends) if (this.#ends.size > REMEMBERED_ENDS) this.#ends.delete(oldest);
    // The log of a worker that ended without an error is not needed.
    if (exit.code === 0 || exit.signal === 'SIGTERM') await this.#files.removeLog(id);
    await this.#forget(id, observations);
  }

  /** For a worker that another process launched: its exit code is unknown. */
  async #cleanUp(
    { id, retiredAtMs }: WorkerFile,
    observations: ReadonlyMap<string, WorkerObservation>,
  ): Promise<void> {
    const endedWell = !observations.has(id) && (retiredAtMs !== undefined || this.#ready.has(id));
    if (endedWell) await this.#files.removeLog(id);
    await this.#forget(id, observations);
  }

  /** Deletes the status too, which a worker that ended without an error has done itself. */
  async #forget(id: string, observations: ReadonlyMap<string, WorkerObservation>): Promise<void> {
    if (observations.has(id)) await deleteEndedStatus(this.#options.output, id);
    this.#ready.delete(id);
    this.#drainingSinceMs.delete(id);
    await this.#files.remove(id);
  }

  async #start(): Promise<string> {
    const { command, env, host, clock, newWorkerId } = this.#options;
    const id = newWorkerId();
    const launchedAtMs = clock.nowMs();
    try {
      await this.#children.start(id, command, env, (pid) =>
        this.#files.write({ id, host, launchedAtMs, ...identify(pid) }),
      );
    } catch (error) {
      await this.#files.removeLog(id);
      throw error;
    }
    return id;
  }
}
