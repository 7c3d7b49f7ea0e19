import { type ModelLocation, RUNNER_BATCH } from '../../core/model/runner-protocol.ts';
import { backoffMs } from '../../core/runtime/backoff.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { messageOf } from '../../core/runtime/errors.ts';
import type { Log } from '../../core/runtime/log.ts';
import type { Meter } from '../../core/runtime/metrics.ts';
import { Runner, RunnerDied, type RunnerLimits } from './runner.ts';

export interface RunnerSlotsOptions {
  runners: number;
  /** The script that speaks core/runner-protocol. */
  entry: URL;
  args: readonly string[];
  /** A program with arguments that runs each runner. Empty for none. */
  under: readonly string[];
  limits: RunnerLimits;
  niceness: number;
  clock: Clock;
  /** 0 (inclusive) to 1 (exclusive). */
  random: () => number;
  log: Log;
  meter: Meter;
  /** Called when a runner has loaded its runtime, and when each live runner has loaded a model. */
  onMilestone?(milestone: 'runtimeLoadedMs' | 'modelReadyMs'): void;
}

/** A place for a runner. */
export interface Slot {
  runner: Runner | undefined;
  starting: boolean;
  /** Its runner holds a suspect: it gets no other image. */
  alone: boolean;
}

/** Images for each further runner that is started. */
const IMAGES_PER_START = RUNNER_BATCH / 2;

/** After so many failed starts in a row, the worker itself is broken. */
const MAX_FAILED_STARTS = 5;

/** The runners of a worker. Starts them when they are needed; backs off after a failed start. */
export class RunnerSlots {
  readonly all: readonly Slot[];
  readonly #options: RunnerSlotsOptions;
  readonly #closing = new AbortController();
  readonly #onChange: () => void;
  readonly #onBroken: (reason: string) => void;
  #failedStarts = 0;
  /** The model that a new runner loads at once. */
  preload: ModelLocation | undefined;

  /**
   * @param onChange called when a runner has become ready or has ended.
   * @param onBroken called when runners repeatedly fail to start.
   */
  constructor(options: RunnerSlotsOptions, onChange: () => void, onBroken: (reason: string) => void) {
    this.#options = options;
    this.#onChange = onChange;
    this.#onBroken = onBroken;
    this.all = Array.from({ length: options.runners }, () => ({
      runner: undefined,
      starting: false,
      alone: false,
    }));
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Number of slots whose runner is not ready yet. */
  get starting(): number {
    return this.all.filter(({ starting }) => starting).length;
  }

  get live(): Runner[] {
    return this.all.flatMap(({ runner }) => runner ?? []);
  }

  /** Starts runners for so many waiting images, as far as there are slots. */
  startFor(images: number): void {
    const wanted = Math.ceil(images / IMAGES_PER_START);
    let available = this.all.filter(({ runner, starting }) => starting || runner?.pending === 0).length;
    for (const slot of this.all) {
      if (available >= wanted || this.closed) return;
      if (slot.starting || slot.runner !== undefined) continue;
      available++;
      void this.#start(slot);
    }
  }

  /** Ends all runners and starts none any more. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.live.map((runner) => runner.end()));
  }

  async #start(slot: Slot): Promise<void> {
    const { clock, random, onMilestone } = this.#options;
    slot.starting = true;
    if (this.#failedStarts > 0) {
      await clock.sleep(backoffMs(this.#failedStarts - 1, random()), this.#closing.signal);
    }
    if (this.closed) return;
    try {
      await this.#run(slot);
      onMilestone?.('runtimeLoadedMs');
      this.#failedStarts = 0;
    } catch (error) {
      if (this.closed) return;
      this.#recordFailedStart(error);
    }
    slot.starting = false;
    this.#onChange();
  }

  /** Resolves when the slot's new runner is ready. @throws if there is no memory for its process, or if it ends first. */
  async #run(slot: Slot): Promise<void> {
    const { clock, log, meter, entry, args, under, limits, niceness, onMilestone } = this.#options;
    const onModel = () => {
      if (this.live.every(({ models }) => models.length > 0)) onMilestone?.('modelReadyMs');
    };
    const runner = new Runner({ entry, args, under, clock, limits, niceness, onModel });
    slot.runner = runner;
    if (this.preload !== undefined) runner.preload(this.preload);
    let wasReady = false;
    void runner.ended.then(({ died, pending }) => {
      if (!this.closed) meter.record('RunnerRestarts', 1);
      // The pool logs the end of a runner that held images.
      if (!this.closed && wasReady && pending === 0)
        log.warn({ exit: died.message, stderr: died.stderr }, 'Idle model runner ended unexpectedly.');
      slot.runner = undefined;
      this.#onChange();
    });
    await runner.ready;
    wasReady = true;
  }

  #recordFailedStart(error: unknown): void {
    const exit = messageOf(error);
    const stderr = error instanceof RunnerDied ? error.stderr : '';
    this.#options.log.warn({ exit, stderr }, 'Model runner failed to start.');
    if (++this.#failedStarts >= MAX_FAILED_STARTS) {
      this.#onBroken(`Model runners fail to start (${exit}): ${stderr || 'no output'}`);
    }
  }
}
