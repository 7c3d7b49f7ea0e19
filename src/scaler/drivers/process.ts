/**
 * Workers as processes of this machine. They outlive the controller that launched them: the next one knows them by a
 * file beside their log (worker-files.ts) and by what they report, and adopts them.
 */

import type { Store } from '../../core/cloud/ports.ts';
import { workerStatusKey } from '../../core/job/keys.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { isTransient, messageOf } from '../../core/runtime/errors.ts';
import type { FleetDriver, FleetMember, LaunchAnswer, LaunchRequest } from '../fleet.ts';
import { type WorkerObservation, WorkerStatusReader } from '../statuses.ts';
import { Children, type Exit, howEnded, isCrash } from './children.ts';
import { Crashes, type HeldBack } from './crashes.ts';
import { identify, isAlive, isCalledWith, kill, send } from './processes.ts';
import { type WorkerFile, WorkerFiles } from './worker-files.ts';

/** What a worker has begun ends well within this. */
export const DRAIN_MS = 60_000;
/** A worker that lived this long before it crashed was no failure to start. */
const SOUND_LIFE_MS = 30_000;
/** Shortages that pass. */
const PASSING: readonly unknown[] = ['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE', 'ENOSPC'];

export interface ProcessFleetOptions {
  output: Store;
  /** The program and its arguments; `--id WORKER_ID` is added. */
  command: readonly string[];
  env: NodeJS.ProcessEnv;
  /** Each worker writes its log to a file of its own here, beside one that names its process. */
  logDir: string;
  host: string;
  /** Price of a worker's hour. */
  hourlyUsd?: number;
  clock: Clock;
  /** 0 (inclusive) to 1 (exclusive). */
  random(): number;
  newWorkerId(): string;
  /** A retired worker that is still there after so long is killed. */
  drainMs?: number;
}

/** Model runners for each worker, a core each, so that `max` workers fill the machine. */
export const runnersPerWorker = (cores: number, max: number): number =>
  Math.max(1, Math.floor(cores / Math.max(1, max)));

export function createProcessFleet(options: ProcessFleetOptions): FleetDriver {
  return new ProcessFleet(options);
}

class ProcessFleet implements FleetDriver {
  readonly #options: ProcessFleetOptions;
  readonly #hourlyUsd: number;
  readonly #files: WorkerFiles;
  readonly #children: Children;
  readonly #crashes: Crashes;
  readonly #statuses: WorkerStatusReader;
  readonly #ready = new Set<string>();

  constructor(options: ProcessFleetOptions) {
    const { output, clock, random, logDir, hourlyUsd = 0 } = options;
    this.#options = options;
    this.#hourlyUsd = hourlyUsd;
    this.#files = new WorkerFiles(logDir);
    this.#children = new Children(this.#files, clock);
    this.#crashes = new Crashes(clock, random);
    this.#statuses = new WorkerStatusReader(output, clock);
  }

  async members(): Promise<FleetMember[]> {
    return (await this.#look()).map(({ id, pid, launchedAtMs, retiredAtMs }) => ({
      id,
      state: retiredAtMs === undefined ? 'running' : 'draining',
      launchedAtMs,
      hourlyUsd: this.#hourlyUsd,
      kind: `process ${pid}`,
    }));
  }

  async launch({ count }: LaunchRequest): Promise<LaunchAnswer> {
    // Takes note of workers that have ended since the last look.
    await this.#look();
    const { heldBack } = this.#crashes;
    if (heldBack?.isHopeless) {
      return { started: [], permanent: { count, why: await this.#whyHopeless(heldBack) } };
    }
    if (heldBack !== undefined) return withRest([], count, heldBack.why);
    return await this.#startMany(count);
  }

  async retire(ids: readonly string[]): Promise<void> {
    for (const file of await this.#look()) {
      // A second signal would end it at once, and not once it has finished what it has begun.
      if (!ids.includes(file.id) || file.retiredAtMs !== undefined) continue;
      this.#noteRetired(file);
      send(file.pid, 'SIGTERM');
    }
  }

  async terminate(ids: readonly string[]): Promise<void> {
    for (const file of await this.#look()) {
      if (!ids.includes(file.id)) continue;
      if (file.retiredAtMs === undefined) this.#noteRetired(file);
      kill(file.pid);
    }
  }

  async hourlyUsd(): Promise<number> {
    return this.#hourlyUsd;
  }

  /** Who is alive. What is left of the others is removed; those that did not end in time are killed. */
  async #look(): Promise<WorkerFile[]> {
    const { clock, drainMs = DRAIN_MS } = this.#options;
    // Before the files are: whoever reports and has no file then was launched without one.
    const heard = await this.#statuses.read();
    await this.#children.settle((exit) => this.#settle(exit, heard));
    const living: WorkerFile[] = [];
    for (const file of await this.#recorded(heard)) {
      if (!isAlive(file)) {
        // How a child of ours ended is told at the next look, also where that came to be known since this one began.
        if (!this.#children.isUnsettled(file.id)) await this.#bury(file, heard);
        continue;
      }
      const current = this.#follow(file, heard.get(file.id));
      if (current.retiredAtMs !== undefined && clock.nowMs() - current.retiredAtMs > drainMs) {
        kill(current.pid);
      }
      living.push(current);
    }
    return living;
  }

  /** What was launched here, and workers of controllers that wrote no file for them: those are adopted. */
  async #recorded(heard: ReadonlyMap<string, WorkerObservation>): Promise<WorkerFile[]> {
    const { output, host } = this.#options;
    const recorded = (await this.#files.list()).filter((file) => file.host === host);
    const ids = new Set(recorded.map(({ id }) => id));
    for (const [id, { status }] of heard) {
      if (status?.host !== host || ids.has(id)) continue;
      const { pid, managed, startedAtMs } = status;
      if (!isCalledWith(pid, managed ? id : 'worker')) await output.delete([workerStatusKey(id)]);
      else if (managed) {
        const file = { id, host, launchedAtMs: startedAtMs, ...identify(pid) };
        this.#files.write(file);
        recorded.push(file);
      }
    }
    return recorded;
  }

  /** Takes note of what a living worker says. */
  #follow(file: WorkerFile, heard: WorkerObservation | undefined): WorkerFile {
    const status = heard?.status;
    if (status?.boot.readyMs !== undefined) {
      this.#ready.add(file.id);
      const launchedMs = this.#children.launchedMs(file.id);
      if (launchedMs !== undefined) this.#crashes.succeeded(launchedMs);
    }
    // One that drains for a reason of its own needs no signal, and gets no longer than others.
    const isLeaving = status?.state === 'draining' || status?.state === 'outdated';
    return isLeaving && file.retiredAtMs === undefined ? this.#noteRetired(file) : file;
  }

  /** Before the signal is sent: so nobody ever sends a second one. */
  #noteRetired(file: WorkerFile): WorkerFile {
    const retired = { ...file, retiredAtMs: this.#options.clock.nowMs() };
    this.#files.write(retired);
    return retired;
  }

  /** A worker of ours ended. One that another controller has settled already has no file any more. */
  async #settle(exit: Exit, heard: ReadonlyMap<string, WorkerObservation>): Promise<void> {
    const { id, launchedMs, endedMs } = exit;
    const file = await this.#files.get(id);
    const wasReady = this.#ready.has(id) || heard.get(id)?.status?.boot.readyMs !== undefined;
    const wasToldToEnd = file === undefined || file.retiredAtMs !== undefined;
    if (!wasToldToEnd && isCrash(exit, wasReady)) {
      const wasSound = wasReady || endedMs - launchedMs >= SOUND_LIFE_MS;
      this.#crashes.failed({ id, how: howEnded(exit), launchedMs, endedMs, wasSound });
    } else if (exit.code === 0 && !wasToldToEnd) this.#crashes.succeeded(launchedMs);
    // Whoever ended well has nothing to tell.
    if (exit.code === 0 || exit.signal === 'SIGTERM') await this.#files.removeLog(id);
    await this.#forget(id, heard);
  }

  /** Of a worker that another process launched, so that nobody tells how it ended. */
  async #bury({ id, retiredAtMs }: WorkerFile, heard: ReadonlyMap<string, WorkerObservation>): Promise<void> {
    const endedWell = !heard.has(id) && (retiredAtMs !== undefined || this.#ready.has(id));
    if (endedWell) await this.#files.removeLog(id);
    await this.#forget(id, heard);
  }

  /** A worker that ended well has taken its report away. */
  async #forget(id: string, heard: ReadonlyMap<string, WorkerObservation>): Promise<void> {
    if (heard.has(id)) await this.#options.output.delete([workerStatusKey(id)]);
    this.#ready.delete(id);
    await this.#files.remove(id);
  }

  async #startMany(count: number): Promise<LaunchAnswer> {
    const started: string[] = [];
    try {
      while (started.length < count) started.push(await this.#start());
      return { started };
    } catch (error) {
      const why = `a worker cannot be started: ${messageOf(error)}`;
      const passes = isTransient(error) || PASSING.includes((error as NodeJS.ErrnoException).code);
      if (passes) return withRest(started, count, why);
      return { started, permanent: { count: count - started.length, why } };
    }
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

  async #whyHopeless({ last, why }: HeldBack): Promise<string> {
    const words = await this.#files.lastWords(last.id);
    const said = words === '' ? 'It said nothing' : `It said last:\n${words}\nThe whole log is in`;
    const log = words === '' ? '.' : ` ${this.#files.logPath(last.id)}.`;
    return `Workers end as soon as they start: ${why}. ${said}${log}`;
  }
}

function withRest(started: readonly string[], count: number, why: string): LaunchAnswer {
  const rest = count - started.length;
  return { started, ...(rest > 0 && { retryable: { count: rest, why } }) };
}
