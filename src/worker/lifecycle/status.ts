import type { Store } from '../../core/cloud/ports.ts';
import { STATUS_INTERVAL_MS, type WorkerState, type WorkerStatus } from '../../core/fleet/fleet.ts';
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
  /** What the model runners are at now. */
  pools: readonly { readonly pids: number[]; readonly rssBytes: number; readonly models: string[] }[];
  /** What came before the process, where the machine tells. */
  boot?: Pick<WorkerStatus['boot'], 'launchToProcessMs' | 'kernelToProcessMs'>;
}

/** Jobs whose images are counted apart: those that were served last. */
const COUNTED_JOBS = 16;

/** A worker whose state flickers with each small batch writes at most so often. */
const MIN_INTERVAL_MS = 1000;
/** The first report after work tells how fast that was; the next one, that it is over. */
const AFTER_WORK_MS = 3000;

/** Reports the worker: at the start, on change of state, and every 15 s. A report that fails stops nothing. */
export class StatusReporter {
  readonly #options: StatusReporterOptions;
  readonly #startedAtMs: number;
  readonly #startedMonotonicMs: number;
  readonly #boot: WorkerStatus['boot'];
  readonly #stop = new AbortController();
  readonly #abandon = new AbortController();
  /** Aborts when the worker is on its way out: the fleet should know at once. */
  readonly #leaving = new AbortController();
  readonly #running: Promise<void>;
  #wake = new AbortController();
  #state: WorkerState = 'booting';
  #messagesDone = 0;
  #interactiveDone = 0;
  #peakRssBytes = 0;
  readonly #imagesByJob = new Map<string, number>();
  readonly #rate: RateMeter;
  #tellsOfWorkThatIsOver = false;
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

  setState(state: WorkerState): void {
    if (state === this.#state) return;
    this.#state = state;
    if (state === 'draining' || state === 'outdated') this.#leaving.abort();
    this.#wake.abort();
  }

  /** Notes when this was reached first, from the start of the process. */
  reached(milestone: keyof WorkerStatus['boot']): void {
    if (this.#boot[milestone] !== undefined) return;
    const ms = Math.round(this.#options.clock.monotonicMs() - this.#startedMonotonicMs);
    this.#boot[milestone] = ms;
    this.#options.log.debug({ milestone, ms }, 'The worker has come further.');
    // The last of them: the worker works, which is worth telling at once.
    if (milestone === 'firstResultMs') this.#wake.abort();
  }

  /** The rate is that of batches: single images tell little of what the worker can do. */
  setHasBatches(hasBatches: boolean): void {
    this.#rate.setBusy(hasBatches);
  }

  addInteractive(images: number): void {
    this.#interactiveDone += images;
  }

  /** One request message was answered, with so many outcomes that this worker wrote. */
  addMessage(job: string, images: number): void {
    this.#messagesDone++;
    this.#rate.add(images);
    const before = this.#imagesByJob.get(job) ?? 0;
    this.#imagesByJob.delete(job);
    this.#imagesByJob.set(job, before + images);
    const [oldest] = this.#imagesByJob.keys();
    if (this.#imagesByJob.size > COUNTED_JOBS && oldest !== undefined) this.#imagesByJob.delete(oldest);
  }

  /** Ends the reports and takes the status away: the worker is no more. */
  async remove(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    const { output, id } = this.#options;
    await this.#attempt(() => output.delete([workerStatusKey(id)]));
  }

  /** Ends the reports and leaves the last one where it is. */
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
      await clock.sleep(MIN_INTERVAL_MS, AbortSignal.any([signal, this.#leaving.signal]));
      const woken = AbortSignal.any([signal, this.#wake.signal]);
      const restMs = this.#tellsOfWorkThatIsOver ? AFTER_WORK_MS : STATUS_INTERVAL_MS;
      await clock.sleep(restMs - MIN_INTERVAL_MS, woken);
    }
  }

  async #write(): Promise<void> {
    const { output, clock, meter, id, host, managed, version, runners, pools } = this.#options;
    const memory = await this.#memory();
    const rate = this.#rate.read();
    if (rate.busyShare > 0) meter.record('ImagesPerSecond', rate.imagesPerSecond);
    this.#tellsOfWorkThatIsOver = this.#state === 'ready' && rate.busyShare > 0;
    const status: WorkerStatus = {
      v: FORMAT,
      id,
      state: this.#state,
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
      ...rate,
      runners,
      ...memory,
      models: [...new Set(pools.flatMap(({ models }) => models))],
      version,
    };
    await output.put(workerStatusKey(id), Buffer.from(JSON.stringify(status)), {
      signal: this.#abandon.signal,
    });
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
      this.#options.log.warn({ error: messageOf(error) }, 'The worker status cannot be written for now.');
    }
  }
}
