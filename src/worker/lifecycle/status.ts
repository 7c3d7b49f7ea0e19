import type { Store } from '../../core/cloud/ports.ts';
import {
  isStopping,
  outlivesWorker,
  STATUS_INTERVAL_MS,
  type WorkerState,
  type WorkerStatus,
} from '../../core/fleet/fleet.ts';
import { workerStatusKey } from '../../core/job/keys.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { messageOf } from '../../core/runtime/errors.ts';
import type { Log } from '../../core/runtime/log.ts';
import type { Meter } from '../../core/runtime/metrics.ts';
import { FORMAT } from '../../core/runtime/versioned.ts';
import { readMemory } from '../runners/memory.ts';
import { RateMeter } from './rate-meter.ts';

export interface StatusReporterOptions {
  output: Store;
  clock: Clock;
  log: Log;
  meter: Meter;
  id: string;
  host: string;
  managed: boolean;
  version: string;
  runners: number;
  /** The model runners, by queue. */
  pools: readonly { readonly pids: number[]; readonly rssBytes: number; readonly models: string[] }[];
  /** Boot times before the start of the process, if the machine reports them. */
  boot?: Pick<WorkerStatus['boot'], 'launchToProcessMs' | 'kernelToProcessMs'>;
}

/** Images are counted by job for the jobs that were served last. */
const COUNTED_JOBS = 16;

/** Limits the writes of a worker whose state changes with each small batch. */
const MIN_INTERVAL_MS = 1000;
/** The first report after work still has the rate of that work. The next report, which resets it, follows so soon. */
const AFTER_WORK_MS = 3000;

/** Writes the worker status: at the start, when the state changes, and every 15 s. A write that fails is only logged. */
export class StatusReporter {
  readonly #options: StatusReporterOptions;
  readonly #startedAtMs: number;
  readonly #startedMonotonicMs: number;
  readonly #boot: WorkerStatus['boot'];
  readonly #stop = new AbortController();
  readonly #abandon = new AbortController();
  /** Aborts when the worker stops: the fleet should know that at once. */
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #wake = new AbortController();
  #state: WorkerState = 'booting';
  #failure: string | undefined;
  #messagesDone = 0;
  #interactiveDone = 0;
  #newerMessages = 0;
  #peakRssBytes = 0;
  readonly #imagesByJob = new Map<string, number>();
  readonly #rate: RateMeter;
  #hasPastRate = false;
  #failed = false;

  constructor(options: StatusReporterOptions) {
    this.#options = options;
    const upMs = process.uptime() * 1000;
    this.#startedAtMs = Math.round(options.clock.nowMs() - upMs);
    this.#startedMonotonicMs = options.clock.monotonicMs() - upMs;
    this.#boot = { ...options.boot };
    this.#rate = new RateMeter(options.clock);
    this.#running = this.#run();
  }

  /** @param failure why the worker stops, if it failed. */
  setState(state: WorkerState, failure?: string): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#failure = failure;
    if (isStopping(state)) this.#stopping.abort();
    this.#wake.abort();
  }

  /** Records the time from the start of the process to the first occurrence of the milestone. */
  reached(milestone: keyof WorkerStatus['boot']): void {
    if (this.#boot[milestone] !== undefined) return;
    const ms = Math.round(this.#options.clock.monotonicMs() - this.#startedMonotonicMs);
    this.#boot[milestone] = ms;
    this.#options.log.debug({ milestone, ms }, 'Boot milestone reached.');
    // The last milestone: report at once that the worker works.
    if (milestone === 'firstResultMs') this.#wake.abort();
  }

  /** The rate is that of batches. Interactive images say little about the worker's throughput. */
  setHasBatches(hasBatches: boolean): void {
    this.#rate.setBusy(hasBatches);
  }

  /** Counts a message of a newer imgcls: the fleet should know at once. */
  addNewerMessage(): void {
    this.#newerMessages++;
    this.#wake.abort();
  }

  addInteractive(images: number): void {
    this.#interactiveDone += images;
  }

  /** Counts a finished request message, with the number of outcomes that this worker wrote. */
  addMessage(job: string, images: number): void {
    this.#messagesDone++;
    this.#rate.add(images);
    const before = this.#imagesByJob.get(job) ?? 0;
    this.#imagesByJob.delete(job);
    this.#imagesByJob.set(job, before + images);
    const [oldest] = this.#imagesByJob.keys();
    if (this.#imagesByJob.size > COUNTED_JOBS && oldest !== undefined) this.#imagesByJob.delete(oldest);
  }

  /** Ends the reports. Deletes the worker status, or writes it a last time if it has to outlive the worker. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    const { output, id } = this.#options;
    const last = this.#status(await this.#memory());
    const end = () => (outlivesWorker(last) ? this.#put(last) : output.delete([workerStatusKey(id)]));
    await this.#attempt(end);
  }

  /** Ends the reports without deleting the worker status. */
  abandon(): void {
    this.#stop.abort();
    this.#abandon.abort();
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      await this.#attempt(() => this.#write());
      await clock.sleep(MIN_INTERVAL_MS, AbortSignal.any([signal, this.#stopping.signal]));
      const woken = AbortSignal.any([signal, this.#wake.signal]);
      const restMs = this.#hasPastRate ? AFTER_WORK_MS : STATUS_INTERVAL_MS;
      await clock.sleep(restMs - MIN_INTERVAL_MS, woken);
    }
  }

  async #write(): Promise<void> {
    const status = this.#status(await this.#memory());
    const { busyShare = 0, imagesPerSecond } = status;
    if (busyShare > 0) this.#options.meter.record('ImagesPerSecond', imagesPerSecond);
    this.#hasPastRate = this.#state === 'ready' && busyShare > 0;
    await this.#put(status);
  }

  #status(memory: Pick<WorkerStatus, 'rssBytes' | 'peakRssBytes'>): WorkerStatus {
    const { clock, id, host, managed, version, runners, pools } = this.#options;
    return {
      v: FORMAT,
      id,
      state: this.#state,
      ...(this.#failure !== undefined && { failure: this.#failure }),
      ...(this.#newerMessages > 0 && { newerMessages: this.#newerMessages }),
      host,
      managed,
      pid: process.pid,
      startedAtMs: this.#startedAtMs,
      updatedAtMs: clock.nowMs(),
      boot: this.#boot,
      imagesDone: this.#rate.images + this.#interactiveDone,
      interactiveDone: this.#interactiveDone,
      messagesDone: this.#messagesDone,
      imagesByJob: Object.fromEntries(this.#imagesByJob),
      ...this.#rate.read(),
      runners,
      ...memory,
      models: [...new Set(pools.flatMap(({ models }) => models))],
      version,
    };
  }

  async #put(status: WorkerStatus): Promise<void> {
    const { output, id } = this.#options;
    const { signal } = this.#abandon;
    await output.put(workerStatusKey(id), Buffer.from(JSON.stringify(status)), { signal });
  }

  async #memory(): Promise<Pick<WorkerStatus, 'rssBytes' | 'peakRssBytes'>> {
    const { pools } = this.#options;
    const known = await readMemory([process.pid, ...pools.flatMap(({ pids }) => pids)]);
    const runners = pools.reduce((sum, { rssBytes }) => sum + rssBytes, 0);
    const rssBytes = known?.rssBytes ?? process.memoryUsage.rss() + runners;
    this.#peakRssBytes = Math.max(this.#peakRssBytes, known?.peakRssBytes ?? rssBytes);
    return { rssBytes, peakRssBytes: this.#peakRssBytes };
  }

  async #attempt(action: () => Promise<void>): Promise<void> {
    try {
      await action();
      this.#failed = false;
    } catch (error) {
      if (this.#abandon.signal.aborted || this.#failed) return;
      this.#failed = true;
      this.#options.log.warn({ error: messageOf(error) }, 'Failed to write the worker status.');
    }
  }
}
